//! The few kinds of msgpack value that are written, each with as short a head as there is.

const FIXMAP: u8 = 0x80;
const FIXARRAY: u8 = 0x90;
const FIXSTR: u8 = 0xa0;
const NIL: u8 = 0xc0;
const BIN8: u8 = 0xc4;
const BIN16: u8 = 0xc5;
const BIN32: u8 = 0xc6;
const FLOAT64: u8 = 0xcb;
const UINT8: u8 = 0xcc;
const UINT16: u8 = 0xcd;
const UINT32: u8 = 0xce;

/// The head of a map of at most 15 pairs.
pub(super) fn map(body: &mut Vec<u8>, pairs: usize) {
    assert!(pairs < 16, "a small map of msgpack");
    body.push(FIXMAP | pairs as u8);
}

/// The head of an array of at most 15 items.
pub(super) fn array(body: &mut Vec<u8>, items: usize) {
    assert!(items < 16, "a small array of msgpack");
    body.push(FIXARRAY | items as u8);
}

/// A text of at most 31 bytes.
pub(super) fn text(body: &mut Vec<u8>, text: &str) {
    assert!(text.len() < 32, "a short string of msgpack");
    body.push(FIXSTR | text.len() as u8);
    body.extend_from_slice(text.as_bytes());
}

/// Nothing.
pub(super) fn nil(body: &mut Vec<u8>) {
    body.push(NIL);
}

/// A double.
pub(super) fn float(body: &mut Vec<u8>, value: f64) {
    body.push(FLOAT64);
    body.extend_from_slice(&value.to_be_bytes());
}

/// A whole number.
pub(super) fn uint(body: &mut Vec<u8>, value: u32) {
    match value {
        0..0x80 => body.push(value as u8),
        0x80..0x100 => body.extend_from_slice(&[UINT8, value as u8]),
        0x100..0x1_0000 => {
            body.push(UINT16);
            body.extend_from_slice(&(value as u16).to_be_bytes());
        }
        _ => {
            body.push(UINT32);
            body.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// Bytes; fewer than 2³² of them.
pub(super) fn bin(body: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        length @ 0..0x100 => body.extend_from_slice(&[BIN8, length as u8]),
        length @ 0x100..0x1_0000 => {
            body.push(BIN16);
            body.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            body.push(BIN32);
            body.extend_from_slice(&u32::try_from(length).expect("fewer than 2^32 bytes").to_be_bytes());
        }
    }
    body.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<T>(write: impl Fn(&mut Vec<u8>, T), value: T) -> Vec<u8> {
        let mut body = Vec::new();
        write(&mut body, value);
        body
    }

    #[test]
    fn numbers_and_bytes_have_the_shortest_heads() {
        for value in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, u32::MAX] {
            assert_eq!(written(uint, value), rmp_serde::to_vec(&value).unwrap(), "{value}");
        }
        let heads: [(usize, &[u8]); 5] = [
            (0, &[0xc4, 0]),
            (0xff, &[0xc4, 0xff]),
            (0x100, &[0xc5, 1, 0]),
            (0xffff, &[0xc5, 0xff, 0xff]),
            (0x1_0000, &[0xc6, 0, 1, 0, 0]),
        ];
        for (length, head) in heads {
            let bytes = vec![7; length];
            let body = written(bin, &bytes[..]);
            assert_eq!(body, [head, &bytes].concat(), "{length} bytes");
        }
    }
}
