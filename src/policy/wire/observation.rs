//! Observations to the policy, and their reading and answering by servers of ours.

use serde::Deserialize;

use super::WireEncoding;
use crate::domain::PolicyObservation;

/// Room for four numbers of at most 24 characters and the words around them.
const TYPICAL_BYTES: usize = 160;

/// Writes `{"observation":[x,y,z,gripper],"images":null}` in `encoding`. JSON numbers are the shortest that read
/// back to the same f64, so a policy sees every bit.
pub fn encode_observation(encoding: WireEncoding, observation: &PolicyObservation) -> Vec<u8> {
    let mut body = Vec::with_capacity(TYPICAL_BYTES);
    match encoding {
        WireEncoding::Json => {
            body.extend_from_slice(b"{\"observation\":");
            write_json_numbers(&mut body, observation.values());
            body.extend_from_slice(b",\"images\":null}");
        }
        WireEncoding::Msgpack => {
            body.push(FIXMAP | 2);
            write_msgpack_str(&mut body, "observation");
            write_msgpack_numbers(&mut body, observation.values());
            write_msgpack_str(&mut body, "images");
            body.push(NIL);
        }
    }
    body
}

/// Writes `{"action":[dx,dy,dz,gripper]}`, the answer of a policy.
pub fn encode_action(encoding: WireEncoding, action: [f64; 4]) -> Vec<u8> {
    let mut body = Vec::with_capacity(TYPICAL_BYTES);
    match encoding {
        WireEncoding::Json => {
            body.extend_from_slice(b"{\"action\":");
            write_json_numbers(&mut body, action);
            body.push(b'}');
        }
        WireEncoding::Msgpack => {
            body.push(FIXMAP | 1);
            write_msgpack_str(&mut body, "action");
            write_msgpack_numbers(&mut body, action);
        }
    }
    body
}

/// Reads what [`encode_observation`] writes; `images` may be missing and is not looked at.
///
/// # Errors
/// A sentence about what is wrong with the body.
pub fn decode_observation(encoding: WireEncoding, body: &[u8]) -> Result<[f64; 4], String> {
    #[derive(Deserialize)]
    struct ActRequest {
        observation: [f64; 4],
    }
    let request: Result<ActRequest, String> = match encoding {
        WireEncoding::Json => serde_json::from_slice(body).map_err(|error| error.to_string()),
        WireEncoding::Msgpack => rmp_serde::from_slice(body).map_err(|error| error.to_string()),
    };
    request.map(|request| request.observation)
}

// First bytes of msgpack values.
const FIXMAP: u8 = 0x80;
const FIXARRAY: u8 = 0x90;
const FIXSTR: u8 = 0xa0;
const NIL: u8 = 0xc0;
const FLOAT64: u8 = 0xcb;

fn write_json_numbers(body: &mut Vec<u8>, values: [f64; 4]) {
    for (index, value) in values.iter().enumerate() {
        body.push(if index == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut *body, value).expect("writing a number to memory does not fail");
    }
    body.push(b']');
}

fn write_msgpack_numbers(body: &mut Vec<u8>, values: [f64; 4]) {
    body.push(FIXARRAY | 4);
    for value in values {
        body.push(FLOAT64);
        body.extend_from_slice(&value.to_be_bytes());
    }
}

fn write_msgpack_str(body: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() < 32, "a short string of msgpack");
    body.push(FIXSTR | text.len() as u8);
    body.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::{WireEncoding, decode_observation, encode_observation};
    use crate::domain::PolicyObservation;

    #[test]
    fn an_observation_is_written_as_the_protocol_says() {
        let observation = PolicyObservation { hand_m: [0.0, 0.5, -0.2], gripper: 1.0 };
        let body = encode_observation(WireEncoding::Json, &observation);
        assert_eq!(String::from_utf8(body).unwrap(), r#"{"observation":[0.0,0.5,-0.2,1.0],"images":null}"#);
    }

    #[test]
    fn every_bit_of_an_observation_arrives() {
        let observation =
            PolicyObservation { hand_m: [0.1 + 0.2, 1.0 / 3.0, -5e-324], gripper: 0.999_999_999_999_999_9 };
        for encoding in [WireEncoding::Json, WireEncoding::Msgpack] {
            let read = decode_observation(encoding, &encode_observation(encoding, &observation)).unwrap();
            assert_eq!(read.map(f64::to_bits), observation.values().map(f64::to_bits), "{encoding}");
        }
    }
}
