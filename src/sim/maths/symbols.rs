//! The C maths functions that libmujoco imports, over the pure-Rust `libm` crate.
//!
//! glibc picks fused or plain variants of these by CPU, so two machines would differ by an ulp. A program or
//! library that contains this file exports its own: the dynamic linker finds them before libm.so's, and every
//! x86-64 machine computes the same bits. The feature `system-maths` leaves the exports out.

/// Exports `libm::$name` as the C function of that name.
macro_rules! export {
    ($($name:ident($($arg:ident),+) -> $float:ty;)+) => {$(
        #[doc = concat!("C's `", stringify!($name), "`, the same on every CPU.")]
        #[cfg_attr(not(feature = "system-maths"), unsafe(no_mangle))]
        pub extern "C" fn $name($($arg: $float),+) -> $float {
            libm::$name($($arg),+)
        }
    )+

    /// Each function's C name and our address of it.
    pub fn table() -> impl Iterator<Item = (&'static std::ffi::CStr, usize)> {
        const NAMES: &[&[u8]] = &[$(concat!(stringify!($name), "\0").as_bytes()),+];
        let addresses = [$($name as *const () as usize),+];
        NAMES.iter().zip(addresses).filter_map(|(name, address)| {
            std::ffi::CStr::from_bytes_with_nul(name).ok().map(|name| (name, address))
        })
    }};
}

export! {
    acos(x) -> f64;
    asin(x) -> f64;
    atan2(y, x) -> f64;
    atan2f(y, x) -> f32;
    cbrt(x) -> f64;
    cos(x) -> f64;
    cosf(x) -> f32;
    exp(x) -> f64;
    floor(x) -> f64;
    log(x) -> f64;
    log10f(x) -> f32;
    pow(x, y) -> f64;
    powf(x, y) -> f32;
    sin(x) -> f64;
    sinf(x) -> f32;
    sqrt(x) -> f64;
    tan(x) -> f64;
}
