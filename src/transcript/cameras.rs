//! A header's cameras, for `#[serde(with = …)]`: as in settings, but for the field-of-view factor, a double, which stands as
//! the 16 digits of its bits.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;

use super::bits::{f64_from_hex, f64_to_hex};
use crate::domain::CameraSetting;

/// The one setting of a camera that is a double.
const FOV_FACTOR: &str = "fov_factor";

pub(super) fn serialize<S: Serializer>(cameras: &[CameraSetting], serializer: S) -> Result<S::Ok, S::Error> {
    let row = |camera: &CameraSetting| {
        let mut row = serde_json::to_value(camera)?;
        row[FOV_FACTOR] = f64_to_hex(camera.fov_factor.get()).into();
        Ok(row)
    };
    let rows: Result<Vec<Value>, serde_json::Error> = cameras.iter().map(row).collect();
    rows.map_err(ser::Error::custom)?.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CameraSetting>, D::Error> {
    let camera = |mut row: Value| {
        let digits = row.get(FOV_FACTOR).and_then(Value::as_str).and_then(f64_from_hex);
        row[FOV_FACTOR] =
            digits.ok_or_else(|| de::Error::custom("expected the 16 hexadecimal digits of a fov_factor"))?.into();
        serde_json::from_value(row).map_err(de::Error::custom)
    };
    // Maps alone may be indexed by a name.
    let rows = Vec::<serde_json::Map<String, Value>>::deserialize(deserializer)?;
    rows.into_iter().map(Value::Object).map(camera).collect()
}
