//! The cameras of a contest.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ParseError, printable};

/// Most cameras of a contest: the most pictures that a record of a transcript holds.
pub const MAX_CAMERAS: usize = 8;

/// Most pixels of all cameras of a contest together: two pictures of the largest size. As nested lists of JSON they take
/// 29 MB, more than a policy can be sent every step.
pub const MAX_CAMERA_PIXELS: u64 = 2 * 1024 * 1024;

/// Most characters of a camera's name: msgpack writes the length of so many in one byte.
const MAX_NAME: usize = 31;

/// MetaWorld's cameras whose own upper side looks down.
const UPSIDE_DOWN: [&str; 4] = ["corner", "corner2", "corner3", "corner4"];

/// Most characters of a camera's name in the model.
const MAX_MODEL_NAME: usize = 80;

/// What a policy is shown at every step: one of MuJoCo's cameras, and how its picture is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraSetting {
    /// The key below `images` in what a policy is sent.
    pub name: CameraName,
    /// The camera's name in MuJoCo's model.
    pub camera: ModelCamera,
    /// Pixels from left to right. Default 84.
    #[serde(default)]
    pub width: Side,
    /// Pixels from top to bottom. Default 84.
    #[serde(default)]
    pub height: Side,
    /// How the picture is turned before anybody sees it. Default: not at all.
    #[serde(default)]
    pub orientation: Orientation,
    /// The camera's vertical field of view, an angle, is multiplied by this. Default 1.
    #[serde(default)]
    pub fov_factor: FovFactor,
    /// Whether goals and other sites are drawn. Default: as MetaWorld draws them; not written then, so that settings from
    /// before it keep their digests.
    #[serde(default, skip_serializing_if = "Marks::are_metaworlds")]
    pub marks: Marks,
}

/// What stands in the way of recording these cameras together, one sentence each: too many, a name that stands twice, too
/// many pixels.
pub fn camera_problems(cameras: &[CameraSetting]) -> Vec<String> {
    let mut problems = Vec::new();
    if cameras.len() > MAX_CAMERAS {
        problems.push(format!("there are {}; at most {MAX_CAMERAS} can be recorded", cameras.len()));
    }
    let mut seen = BTreeSet::new();
    problems
        .extend(cameras.iter().filter(|one| !seen.insert(&one.name)).map(|one| format!("{} stands twice", one.name)));
    let pixels: u64 = cameras.iter().map(CameraSetting::pixels).sum();
    if pixels > MAX_CAMERA_PIXELS {
        problems.push(format!(
            "all pictures of a step have {pixels} pixels, more than {MAX_CAMERA_PIXELS}; make them smaller"
        ));
    }
    problems
}

impl CameraSetting {
    /// MetaWorld's camera of that name, called so, with square pictures that have the room's upper side on top.
    ///
    /// # Errors
    /// A name that no policy could be sent, or no camera can have.
    pub fn upright(camera: &str, side: Side) -> Result<CameraSetting, ParseError> {
        let hangs_upside_down = UPSIDE_DOWN.contains(&camera);
        Ok(CameraSetting {
            name: camera.parse()?,
            camera: camera.parse()?,
            width: side,
            height: side,
            orientation: if hangs_upside_down { Orientation::Rotated180 } else { Orientation::AsRendered },
            fov_factor: FovFactor::default(),
            marks: Marks::default(),
        })
    }

    /// Pixels of a picture.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width.get()) * u64::from(self.height.get())
    }
}

/// The two cameras that policies are trained on, 84 × 84: `corner`, MetaWorld's camera of that name, which hangs upside
/// down and is therefore turned by 180 degrees; and `gripper`, its `gripperPOV`, which looks down with the far side of
/// the table on top.
pub fn standard_cameras() -> Vec<CameraSetting> {
    let camera = |name: &str, camera: &str| CameraSetting {
        name: name.parse().expect("the name is well-formed"),
        ..CameraSetting::upright(camera, Side::default()).expect("the name is well-formed")
    };
    vec![camera("corner", "corner"), camera("gripper", "gripperPOV")]
}

/// How a camera is called in what a policy is sent: 1 to 31 ASCII letters, digits and `_`, a letter first.
///
/// Shared, since every picture carries it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CameraName(Arc<str>);

impl CameraName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CameraName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let starts = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
        let rest = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if starts && rest && text.len() <= MAX_NAME {
            Ok(CameraName(text.into()))
        } else {
            let hint = "expected 1 to 31 ASCII letters, digits and `_`, a letter first";
            Err(ParseError::new("camera name", text, hint))
        }
    }
}

impl fmt::Display for CameraName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CameraName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CameraName({self})")
    }
}

impl Serialize for CameraName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CameraName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::parse_text(deserializer)
    }
}

/// The name of a camera in MuJoCo's model. Whether a model has it only the model can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ModelCamera(String);

impl ModelCamera {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelCamera {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if text.is_empty() || text.len() > MAX_MODEL_NAME || !text.bytes().all(named) {
            let expected = "expected 1 to 80 of A-Z a-z 0-9 _ - . such as gripperPOV";
            return Err(ParseError::new("camera of the model", text, expected));
        }
        Ok(ModelCamera(text.to_owned()))
    }
}

impl fmt::Display for ModelCamera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0, MAX_MODEL_NAME))
    }
}

impl<'de> Deserialize<'de> for ModelCamera {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::parse_text(deserializer)
    }
}

/// What is said to whoever wants other sizes.
const PIXELS: &str = "expected 8 to 1024 pixels";

/// Width or height of a camera's pictures: 8 to 1024 pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Side(u32);

impl Side {
    /// The pixels.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for Side {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let pixels = text.parse::<u32>().ok().and_then(|pixels| Side::try_from(pixels).ok());
        pixels.ok_or_else(|| ParseError::new("width or height", text, PIXELS))
    }
}

impl Default for Side {
    fn default() -> Self {
        Side(84)
    }
}

impl TryFrom<u32> for Side {
    type Error = ParseError;

    fn try_from(pixels: u32) -> Result<Self, ParseError> {
        if (8..=1024).contains(&pixels) {
            Ok(Side(pixels))
        } else {
            Err(ParseError::new("width or height", &pixels.to_string(), PIXELS))
        }
    }
}

impl From<Side> for u32 {
    fn from(side: Side) -> u32 {
        side.0
    }
}

/// How a picture is turned after it was drawn. Nothing ever mirrors one: in a mirror left-handed and right-handed
/// motion are swapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Orientation {
    /// Row 0 is what the camera has on top.
    #[default]
    #[serde(rename = "as_rendered")]
    AsRendered,
    /// Both axes are reversed, for cameras that hang upside down.
    #[serde(rename = "rotated_180")]
    Rotated180,
}

impl Orientation {
    /// Turns a picture of three bytes a pixel in place.
    pub fn turn(self, rgb: &mut [u8]) {
        if self == Orientation::Rotated180 {
            // Backwards byte by byte; then each pixel's own three bytes are backwards too.
            rgb.reverse();
            rgb.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| pixel.swap(0, 2));
        }
    }
}

/// Which sites of a model are drawn: MuJoCo's marks without a body, by which MetaWorld shows goals, handles and the ends of
/// tools. docs/cameras.md has them for all tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marks {
    /// Those that MetaWorld's own pictures show, the goal's among them: a policy of `reach` has nothing else to know it by.
    #[default]
    AsMetaworld,
    /// None: pictures hold nothing that a camera in a real room would not see.
    Hidden,
}

impl Marks {
    fn are_metaworlds(&self) -> bool {
        *self == Marks::AsMetaworld
    }
}

/// Factor of a camera's vertical field of view: 0.1 to 1.5. MetaWorld's widest camera has 90 degrees, so what is asked for
/// stays below the 180 at which there is no picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct FovFactor(f64);

impl FovFactor {
    /// The factor.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Default for FovFactor {
    fn default() -> Self {
        FovFactor(1.0)
    }
}

impl TryFrom<f64> for FovFactor {
    type Error = ParseError;

    fn try_from(factor: f64) -> Result<Self, ParseError> {
        // NaN lies in no range.
        if (0.1..=1.5).contains(&factor) {
            Ok(FovFactor(factor))
        } else {
            Err(ParseError::new("fov_factor", &factor.to_string(), "expected 0.1 to 1.5"))
        }
    }
}

impl From<FovFactor> for f64 {
    fn from(factor: FovFactor) -> f64 {
        factor.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<CameraSetting, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_and_a_camera_of_the_model_are_enough() {
        let read = read("name = \"gripper\"\ncamera = \"gripperPOV\"").unwrap();
        assert_eq!(read, standard_cameras()[1]);
        assert_eq!((read.width.get(), read.height.get(), read.fov_factor.get()), (84, 84, 1.0));
        assert_eq!((read.orientation, read.marks), (Orientation::AsRendered, Marks::AsMetaworld));
    }

    #[test]
    fn what_cannot_be_drawn_or_sent_is_refused_with_its_bounds() {
        let camera = "name = \"corner\"\ncamera = \"corner\"\n";
        for (line, needle) in [
            ("width = 7", "8 to 1024"),
            ("height = 1025", "8 to 1024"),
            ("width = -84", "-84"),
            ("fov_factor = 0.0", "0.1 to 1.5"),
            ("fov_factor = 1.6", "0.1 to 1.5"),
            ("fov_factor = nan", "0.1 to 1.5"),
            ("fov_factor = inf", "0.1 to 1.5"),
            ("orientation = \"mirrored\"", "rotated_180"),
            ("marks = \"goal\"", "`as_metaworld` or `hidden`"),
            ("fps = 30", "unknown field `fps`"),
        ] {
            let error = read(&format!("{camera}{line}")).unwrap_err();
            assert!(error.contains(needle), "{line}: {error}");
        }
        for name in ["", "1st", "left eye", "corner\\u001b", "ça", &"a".repeat(32)] {
            let error = read(&format!("name = \"{name}\"\ncamera = \"corner\"")).unwrap_err();
            assert!(error.contains("camera name"), "{name}: {error}");
        }
        assert!(read("name = \"a\"\ncamera = \"\"").unwrap_err().contains("gripperPOV"));
        assert!(read("name = \"a\"").unwrap_err().contains("missing field `camera`"));
    }

    #[test]
    fn settings_are_written_as_they_are_read() {
        for camera in standard_cameras() {
            assert_eq!(read(&toml::to_string(&camera).unwrap()).unwrap(), camera);
            let json = serde_json_canonicalizer::to_vec(&camera).unwrap();
            assert_eq!(serde_json::from_slice::<CameraSetting>(&json).unwrap(), camera);
        }
        let json = serde_json_canonicalizer::to_string(&standard_cameras()[0]).unwrap();
        assert_eq!(
            json,
            r#"{"camera":"corner","fov_factor":1,"height":84,"name":"corner","orientation":"rotated_180","width":84}"#
        );
    }

    #[test]
    fn marks_are_written_only_where_they_are_hidden() {
        let hidden = CameraSetting { marks: Marks::Hidden, ..standard_cameras()[0].clone() };
        let json = serde_json_canonicalizer::to_string(&hidden).unwrap();
        assert!(json.contains(r#""marks":"hidden""#), "{json}");
        assert_eq!(serde_json::from_str::<CameraSetting>(&json).unwrap(), hidden);
        assert!(!serde_json_canonicalizer::to_string(&standard_cameras()).unwrap().contains("marks"));
    }

    #[test]
    fn half_a_turn_reverses_both_axes_and_mirrors_nothing() {
        let pixels = |letters: &[u8]| letters.iter().flat_map(|at| [*at, at + 1, at + 2]).collect::<Vec<u8>>();
        // Three columns, two rows: a b c above d e f.
        let picture = pixels(&[10, 20, 30, 40, 50, 60]);
        let mut turned = picture.clone();
        Orientation::Rotated180.turn(&mut turned);
        assert_eq!(turned, pixels(&[60, 50, 40, 30, 20, 10]));
        Orientation::Rotated180.turn(&mut turned);
        assert_eq!(turned, picture);
        Orientation::AsRendered.turn(&mut turned);
        assert_eq!(turned, picture);
    }
}
