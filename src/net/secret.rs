//! Credentials that must never be shown.

use std::fmt;

use zeroize::Zeroizing;

/// A credential. Its `Debug` hides it, it has no `Display` and cannot be serialised, and its memory is wiped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a credential; white space around it, such as the newline at the end of a file, is dropped.
    pub fn new(text: &str) -> Secret {
        Secret(Zeroizing::new(text.trim().to_owned()))
    }

    /// The credential itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("cpk_very_secret\n");
        assert_eq!(secret.expose(), "cpk_very_secret");
        assert!(!format!("{secret:?} {:#?}", Some(&secret)).contains("very"));
    }
}
