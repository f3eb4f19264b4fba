//! Observations to the policy, and their reading and answering by servers of ours.

use serde::Deserialize;

use super::images::{self, Images};
use super::{WireEncoding, msgpack};
use crate::domain::PolicyObservation;

/// Room for four numbers of at most 24 characters and the words around them.
const TYPICAL_BYTES: usize = 160;

/// Writes `{"observation":[x,y,z,gripper],"images":…}` in `encoding`. JSON numbers are the shortest that read
/// back to the same f64, so a policy sees every bit. Without cameras `images` is null.
pub fn encode_observation(encoding: WireEncoding, observation: &PolicyObservation) -> Vec<u8> {
    let images = &observation.images;
    match encoding {
        WireEncoding::Json => {
            let mut body = Vec::with_capacity(TYPICAL_BYTES + images::json_room(images));
            body.extend_from_slice(b"{\"observation\":");
            write_json_numbers(&mut body, observation.values());
            body.extend_from_slice(b",\"images\":");
            if images.is_empty() {
                body.extend_from_slice(b"null");
            } else {
                images::write_json(&mut body, images);
            }
            body.push(b'}');
            body
        }
        WireEncoding::Msgpack => {
            let mut body = Vec::with_capacity(TYPICAL_BYTES + images::msgpack_room(images));
            msgpack::map(&mut body, 2);
            msgpack::text(&mut body, "observation");
            write_msgpack_numbers(&mut body, observation.values());
            msgpack::text(&mut body, "images");
            if images.is_empty() {
                msgpack::nil(&mut body);
            } else {
                images::write_msgpack(&mut body, images);
            }
            body
        }
    }
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
            msgpack::map(&mut body, 1);
            msgpack::text(&mut body, "action");
            write_msgpack_numbers(&mut body, action);
        }
    }
    body
}

/// Reads what [`encode_observation`] writes; `images` may be missing, and a picture may have either form in either
/// encoding. Takes time and memory proportional to `body`, which the caller has capped.
///
/// # Errors
/// A sentence about what is wrong with the body.
pub fn decode_observation(encoding: WireEncoding, body: &[u8]) -> Result<PolicyObservation, String> {
    #[derive(Deserialize)]
    struct ActRequest {
        observation: [f64; 4],
        #[serde(default)]
        images: Option<Images>,
    }
    let request: Result<ActRequest, String> = match encoding {
        WireEncoding::Json => serde_json::from_slice(body).map_err(|error| error.to_string()),
        WireEncoding::Msgpack => rmp_serde::from_slice(body).map_err(|error| error.to_string()),
    };
    let ActRequest { observation: [x, y, z, gripper], images } = request?;
    let images = images.map_or_else(Vec::new, |images| images.0);
    Ok(PolicyObservation { hand_m: [x, y, z], gripper, images })
}

fn write_json_numbers(body: &mut Vec<u8>, values: [f64; 4]) {
    for (index, value) in values.iter().enumerate() {
        body.push(if index == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut *body, value).expect("writing a number to memory does not fail");
    }
    body.push(b']');
}

fn write_msgpack_numbers(body: &mut Vec<u8>, values: [f64; 4]) {
    msgpack::array(body, values.len());
    values.into_iter().for_each(|value| msgpack::float(body, value));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Frame, Image};

    fn observation(images: Vec<Image>) -> PolicyObservation {
        PolicyObservation { hand_m: [0.0, 0.5, -0.2], gripper: 1.0, images }
    }

    fn image(camera: &str, width: u32, height: u32, rgb: Vec<u8>) -> Image {
        Image { camera: camera.parse().unwrap(), frame: Frame::new(width, height, rgb).unwrap() }
    }

    #[test]
    fn an_observation_is_written_as_the_protocol_says() {
        let body = encode_observation(WireEncoding::Json, &observation(Vec::new()));
        assert_eq!(String::from_utf8(body).unwrap(), r#"{"observation":[0.0,0.5,-0.2,1.0],"images":null}"#);
    }

    #[test]
    fn pictures_in_json_are_rows_of_pixels() {
        let corner = image("corner", 2, 2, vec![0, 9, 10, 99, 100, 255, 1, 2, 3, 4, 5, 6]);
        let body = encode_observation(WireEncoding::Json, &observation(vec![corner, image("b", 1, 1, vec![7, 8, 9])]));
        assert_eq!(
            String::from_utf8(body).unwrap(),
            "{\"observation\":[0.0,0.5,-0.2,1.0],\"images\":{\
             \"corner\":[[[0,9,10],[99,100,255]],[[1,2,3],[4,5,6]]],\"b\":[[[7,8,9]]]}}"
        );
    }

    #[test]
    fn pictures_in_msgpack_are_shape_dtype_and_data() {
        let body =
            encode_observation(WireEncoding::Msgpack, &observation(vec![image("eye", 1, 2, vec![1, 2, 3, 4, 5, 6])]));
        let mut expected = b"\x82\xabobservation\x94".to_vec();
        for value in [0.0_f64, 0.5, -0.2, 1.0] {
            expected.push(0xcb);
            expected.extend(value.to_be_bytes());
        }
        expected.extend(b"\xa6images\x81\xa3eye\x83\xa5shape\x93\x02\x01\x03\xa5dtype\xa5uint8\xa4data\xc4\x06\x01\x02\x03\x04\x05\x06");
        assert_eq!(body, expected);
    }

    #[test]
    fn every_bit_of_an_observation_arrives() {
        let observation = PolicyObservation {
            hand_m: [0.1 + 0.2, 1.0 / 3.0, -5e-324],
            gripper: 0.999_999_999_999_999_9,
            images: Vec::new(),
        };
        for encoding in [WireEncoding::Json, WireEncoding::Msgpack] {
            let read = decode_observation(encoding, &encode_observation(encoding, &observation)).unwrap();
            assert_eq!(read.values().map(f64::to_bits), observation.values().map(f64::to_bits), "{encoding}");
        }
    }

    #[test]
    fn observations_of_other_clients_are_read_too() {
        let read = |text: &str| decode_observation(WireEncoding::Json, text.as_bytes());
        let spaced =
            "{ \"images\" : { \"eye\" : [ [ [1, 2, 3], [ 4,5,6 ] ] ] }, \"observation\" : [0, 1, 2, 3], \"x\": {} }";
        assert_eq!(read(spaced).unwrap().images, [image("eye", 2, 1, vec![1, 2, 3, 4, 5, 6])]);
        assert_eq!(read("{\"observation\":[0,1,2,3]}").unwrap().images, []);
        assert_eq!(read("{\"observation\":[0,1,2,3],\"images\":{}}").unwrap().images, []);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let wrong = [
            ("[]", "0 bytes were given"),
            ("[[]]", "0 bytes were given"),
            ("[[[1,2,3],[1,2,3]],[[1,2,3]]]", "different lengths"),
            ("[[[1,2]]]", "invalid length 2"),
            ("[[[1,2,3,4]]]", "trailing"),
            ("[[[1,2,256]]]", "256"),
            ("[[[1,2,-1]]]", "-1"),
            ("[[[1,2,0.5]]]", "0.5"),
            ("null", "rows of pixels"),
            ("{\"shape\":[1,1,3]}", "shape [height, width, 3]"),
            ("{\"shape\":[1,1,4],\"data\":\"abcd\"}", "shape [height, width, 3]"),
            ("{\"dtype\":\"float32\"}", "uint8"),
        ];
        for (picture, needle) in wrong {
            let body = format!("{{\"observation\":[0,1,2,3],\"images\":{{\"eye\":{picture}}}}}");
            let error = decode_observation(WireEncoding::Json, body.as_bytes()).unwrap_err();
            assert!(error.contains(needle), "{picture}: {error}");
        }
        for (images, needle) in [
            ("{\"a\":[[[1,2,3]]],\"a\":[[[1,2,3]]]}", "twice"),
            ("{\"a b\":[[[1,2,3]]]}", "camera name"),
            ("[]", "a map of pictures"),
        ] {
            let body = format!("{{\"observation\":[0,1,2,3],\"images\":{images}}}");
            let error = decode_observation(WireEncoding::Json, body.as_bytes()).unwrap_err();
            assert!(error.contains(needle), "{images}: {error}");
        }
        let mut lying =
            encode_observation(WireEncoding::Msgpack, &observation(vec![image("eye", 1, 1, vec![1, 2, 3])]));
        let shape = lying.windows(2).position(|pair| pair == [0x93, 1]).unwrap() + 1;
        lying[shape] = 2;
        assert!(decode_observation(WireEncoding::Msgpack, &lying).unwrap_err().contains("3 bytes were given"));
    }

    prop_compose! {
        fn any_image(camera: &'static str)(width in 1_u32..40, height in 1_u32..20)(
            rgb in proptest::collection::vec(any::<u8>(), (width * height * 3) as usize),
            width in Just(width),
            height in Just(height),
        ) -> Image {
            image(camera, width, height, rgb)
        }
    }

    proptest! {
        #[test]
        fn pictures_arrive_as_they_were_sent(a in any_image("corner"), b in any_image("gripper"), both in any::<bool>()) {
            let sent = observation(if both { vec![a, b] } else { vec![a] });
            for encoding in [WireEncoding::Json, WireEncoding::Msgpack] {
                let body = encode_observation(encoding, &sent);
                let reserved = Vec::<u8>::with_capacity(room(encoding, &sent)).capacity();
                prop_assert_eq!(body.capacity(), reserved, "{} grew while it was written", encoding);
                prop_assert_eq!(&decode_observation(encoding, &body).unwrap(), &sent);
            }
        }

        #[test]
        fn the_json_form_is_what_a_value_tree_would_write(picture in any_image("corner")) {
            let nested: Vec<Vec<[u8; 3]>> =
                picture.frame.rows().map(|row| row.as_chunks::<3>().0.to_vec()).collect();
            let tree = serde_json::json!({ "observation": [0.0, 0.5, -0.2, 1.0], "images": { "corner": nested } });
            let body = encode_observation(WireEncoding::Json, &observation(vec![picture]));
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), tree);
        }

        #[test]
        fn no_bytes_make_the_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for encoding in [WireEncoding::Json, WireEncoding::Msgpack] {
                let _ = decode_observation(encoding, &bytes);
            }
        }
    }

    /// What is reserved for a body, so that it is never copied while it grows.
    fn room(encoding: WireEncoding, observation: &PolicyObservation) -> usize {
        TYPICAL_BYTES
            + match encoding {
                WireEncoding::Json => images::json_room(&observation.images),
                WireEncoding::Msgpack => images::msgpack_room(&observation.images),
            }
    }
}
