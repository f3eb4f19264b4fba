//! The number by which subnets know how old the software is that makes weights.

/// The version key of weights: that of this release, as other subnets count it, 1000 for each major version, 10 for each
/// minor one and 1 for each patch. A subnet whose `WeightsVersionKey` is larger refuses the weights of this release.
pub const WEIGHTS_VERSION_KEY: u64 = key_of(
    number(env!("CARGO_PKG_VERSION_MAJOR")),
    number(env!("CARGO_PKG_VERSION_MINOR")),
    number(env!("CARGO_PKG_VERSION_PATCH")),
);

const fn key_of(major: u64, minor: u64, patch: u64) -> u64 {
    // Beyond, a later release could have a smaller key.
    assert!(minor < 100 && patch < 10, "the release has no version key of its own");
    major * 1_000 + minor * 10 + patch
}

/// A number of the release's version.
const fn number(text: &str) -> u64 {
    match u64::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a part of the version is no number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_releases_have_larger_keys() {
        let keys =
            [(0, 1, 0), (0, 1, 9), (0, 2, 0), (0, 99, 9), (1, 0, 0), (9, 12, 1)].map(|(a, b, c)| key_of(a, b, c));
        assert_eq!(keys, [10, 19, 20, 999, 1_000, 9_121]);
        assert!(keys.is_sorted());
    }

    #[test]
    fn this_releases_key_is_of_its_version() {
        let parts: Vec<u64> = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse().unwrap()).collect();
        assert_eq!(WEIGHTS_VERSION_KEY, parts[0] * 1_000 + parts[1] * 10 + parts[2]);
    }
}
