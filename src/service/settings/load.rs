//! Reads settings and tells every problem at once.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::check::check;
use super::sections::Settings;
use crate::service::files::read_text_capped;

/// Largest settings file that is read; ours are a few kilobytes.
const MAX_FILE_BYTES: usize = 1 << 20;

/// Settings that cannot be used, with every problem that was found.
#[derive(Debug, thiserror::Error)]
#[error("the settings cannot be used:\n{}", .problems.iter().map(|p| format!("  - {p}")).collect::<Vec<_>>().join("\n"))]
pub struct SettingsError {
    /// One sentence a problem, each naming its key or variable.
    pub problems: Vec<String>,
}

/// Reads the file, puts the environment's variables over it and checks the whole.
///
/// `variable` looks up an environment variable; the names NETWORK, NETUID, WALLET_NAME, HOTKEY_NAME,
/// EVAL_INTERVAL, EPISODES_PER_ENV and KINITRO_DATA_DIR are understood.
///
/// `flags` puts a command's flags over both, before the whole is checked.
///
/// # Errors
/// [`SettingsError`] with all problems: unreadable file, bad TOML, unknown keys, wrong types, impossible values.
pub fn load(
    file: Option<&Path>,
    variable: &dyn Fn(&str) -> Option<String>,
    flags: impl FnOnce(&mut Settings),
) -> Result<Settings, SettingsError> {
    let mut problems = Vec::new();
    let mut settings = match file {
        Some(path) => read_file(path, &mut problems),
        None => Settings::default(),
    };
    apply_variables(&mut settings, variable, &mut problems);
    flags(&mut settings);
    problems.extend(check(&settings));
    if problems.is_empty() { Ok(settings) } else { Err(SettingsError { problems }) }
}

fn read_file(path: &Path, problems: &mut Vec<String>) -> Settings {
    let shown = path.display();
    let text = match read_text_capped(path, MAX_FILE_BYTES) {
        Ok(text) => text,
        Err(error) => {
            problems.push(format!("cannot read {shown}: {error}"));
            return Settings::default();
        }
    };
    match text.parse::<toml::Table>() {
        Ok(table) => read_table(table, problems),
        Err(error) => {
            problems.push(format!("{shown} is not valid TOML: {}", one_line(&error.to_string())));
            Settings::default()
        }
    }
}

/// Reads each section key by key, so that one wrong key does not hide the next.
fn read_table(table: toml::Table, problems: &mut Vec<String>) -> Settings {
    let mut good = toml::Table::new();
    for (section, value) in table {
        let toml::Value::Table(keys) = value else {
            problems.push(format!("`{section}` stands outside of a section; write it below [storage], [api], …"));
            continue;
        };
        let mut good_keys = toml::Table::new();
        for (key, value) in keys {
            let alone = toml::Table::from_iter([(
                section.clone(),
                toml::Value::Table(toml::Table::from_iter([(key.clone(), value.clone())])),
            )]);
            match parse::<Settings>(alone) {
                Ok(_) => {
                    good_keys.insert(key, value);
                }
                Err(error) => problems.push(format!("[{section}] {key}: {error}")),
            }
        }
        if !good_keys.is_empty() {
            good.insert(section, toml::Value::Table(good_keys));
        }
    }
    parse(good).unwrap_or_else(|error| {
        problems.push(error);
        Settings::default()
    })
}

fn parse<T: DeserializeOwned>(table: toml::Table) -> Result<T, String> {
    T::deserialize(toml::Value::Table(table)).map_err(|error| one_line(&error.to_string()))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn apply_variables(settings: &mut Settings, variable: &dyn Fn(&str) -> Option<String>, problems: &mut Vec<String>) {
    let mut number = |name: &str| -> Option<u64> {
        let text = variable(name)?;
        match text.trim().parse() {
            Ok(value) => Some(value),
            Err(_) => {
                let shown = crate::domain::printable(&text, 40);
                problems.push(format!("the variable {name} should be a whole number, not {shown:?}"));
                None
            }
        }
    };
    let netuid = number("NETUID");
    if let Some(seconds) = number("EVAL_INTERVAL") {
        settings.scheduler.eval_interval_s = seconds;
    }
    if let Some(episodes) = number("EPISODES_PER_ENV") {
        settings.contest.episodes_per_env = u32::try_from(episodes).unwrap_or(u32::MAX);
    }
    if let Some(netuid) = netuid {
        match u16::try_from(netuid) {
            Ok(netuid) => settings.chain.netuid = netuid,
            Err(_) => problems.push(format!("the variable NETUID is {netuid}; subnets are numbered 0 to 65535")),
        }
    }
    let texts = [
        ("NETWORK", &mut settings.chain.network),
        ("WALLET_NAME", &mut settings.chain.wallet_name),
        ("HOTKEY_NAME", &mut settings.chain.hotkey_name),
    ];
    for (name, field) in texts {
        if let Some(value) = variable(name) {
            *field = value;
        }
    }
    if let Some(folder) = variable("KINITRO_DATA_DIR") {
        settings.storage.data_dir = folder.into();
    }
    let postgres = ["POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "POSTGRES_HOST", "POSTGRES_PORT"];
    if let Some(name) = postgres.into_iter().find(|name| variable(name).is_some()) {
        problems.push(format!(
            "the variable {name} asks for PostgreSQL, which this version cannot store in; \
             unset it to use SQLite in the data folder"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::standard_cameras;

    fn load_text(text: &str) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kinitro.toml");
        std::fs::write(&path, text).unwrap();
        load(Some(&path), &|_| None, |_| {})
    }

    #[test]
    fn defaults_are_usable() {
        assert_eq!(load(None, &|_| None, |_| {}).unwrap(), Settings::default());
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let error = load_text(
            "stray = 1\n[api]\nlisten = \"nowhere\"\nport = 8000\n[contest]\nmax_steps = 501\n\
             environments = [\"metaworld/reach-v3\", \"metaworld/fly-v3\"]\n[executor]\nid = \"a b\"\n",
        )
        .unwrap_err();
        let text = error.to_string();
        for needle in ["stray", "[api] listen", "[api] port", "max_steps", "metaworld/fly-v3", "executor id"] {
            assert!(text.contains(needle), "{needle} is not told:\n{text}");
        }
    }

    #[test]
    fn cameras_are_checked_one_by_one_and_together() {
        let camera =
            |name: &str, camera: &str, more: &str| format!("{{ name = \"{name}\", camera = \"{camera}\"{more} }}");
        let problems = |cameras: &[String]| {
            load_text(&format!("[contest]\ncameras = [{}]\n", cameras.join(", "))).unwrap_err().to_string()
        };
        let told = |cameras: &[String], needle: &str| {
            let text = problems(cameras);
            assert!(text.contains(needle), "{needle} is not told:\n{text}");
        };
        let large = ", width = 1024, height = 1024";
        told(&[camera("eye", "corner", ""), camera("eye", "corner2", "")], "eye stands twice");
        told(&[camera("eye", "corner9", "")], "eye is \"corner9\", but MetaWorld's cameras are topview, corner,");
        told(&[camera("eye", "corner\\u001b", "")], "\"corner\\u{1b}\"");
        told(&[camera("eye", "corner", ", width = 2000")], "[contest] cameras: \"2000\"");
        told(&[camera("eye", "corner", ", zoom = 2")], "unknown field `zoom`");
        told(&["a", "b", "c"].map(|name| camera(name, "corner", large)), "3145728 pixels, more than 2097152");
        let nine: Vec<String> = (0..9).map(|number| camera(&format!("eye{number}"), "corner", "")).collect();
        told(&nine, "there are 9; at most 8");
        let good = [camera("corner", "corner", ", orientation = \"rotated_180\""), camera("gripper", "gripperPOV", "")];
        let read = load_text(&format!("[contest]\ncameras = [{}]\n", good.join(", "))).unwrap();
        assert_eq!(read.contest.cameras, standard_cameras());
    }

    #[test]
    fn a_renderer_that_this_build_lacks_or_that_has_nothing_to_draw_is_refused() {
        let told = |text: &str| load_text(text).map_or_else(|error| error.to_string(), |_| "good".to_owned());
        let cameras = "cameras = [{ name = \"corner\", camera = \"corner\" }]\n";
        assert_eq!(told(&format!("[contest]\n{cameras}renderer = \"reference\"\n")), "good");
        let with_cameras = told(&format!("[contest]\n{cameras}renderer = \"mujoco-gl\"\n"));
        if crate::sim::HAS_GL {
            assert_eq!(with_cameras, "good");
        } else {
            assert!(
                with_cameras.contains("[contest] renderer") && with_cameras.contains("--features gl"),
                "{with_cameras}"
            );
        }
        assert!(told("[contest]\ncameras = []\nrenderer = \"mujoco-gl\"\n").contains("nothing to draw for mujoco-gl"));
        assert!(told("[contest]\nrenderer = \"opengl\"\n").contains("unknown variant `opengl`"));
    }

    #[test]
    fn pictures_may_go_unchecked_only_where_the_file_says_so() {
        let accepts = |text: &str| load_text(text).map(|settings| settings.validator.accept_unchecked_pictures);
        assert!(!accepts("[validator]\nverify = \"5%\"\n").unwrap());
        assert!(accepts("[validator]\naccept_unchecked_pictures = true\n").unwrap());
        let told = accepts("[validator]\naccept_unchecked_pictures = \"yes\"\n").unwrap_err().to_string();
        assert!(told.contains("[validator] accept_unchecked_pictures"), "{told}");
    }

    #[test]
    fn networks_are_known_by_name_or_address() {
        let told =
            |text: &str| load_text(&format!("[chain]\n{text}\n")).map_or_else(|e| e.to_string(), |_| "good".into());
        let genesis = format!("genesis = \"0x{}\"", "07".repeat(32));
        for network in ["dev", "finney", "archive", "test", "local", "ws://127.0.0.1:9944"] {
            assert_eq!(told(&format!("network = \"{network}\"")), "good");
        }
        assert_eq!(told(&format!("network = \"test\"\n{genesis}\nendpoints = [\"wss://node.example:443\"]")), "good");
        assert!(told("network = \"finny\"").contains("\"finny\" is no network"));
        assert!(told("network = \"test\"\nendpoints = [\"https://node.example\"]").contains("is no endpoint"));
        assert!(told(&format!("network = \"finney\"\n{genesis}")).contains("genesis hash is 0x0707"));
        assert!(told("endpoints = [\"wss://node.example:443\"]").contains("[chain] endpoints"));
        assert!(told(&genesis).contains("[chain] genesis"));
    }

    #[test]
    fn variables_stand_above_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kinitro.toml");
        std::fs::write(&path, "[contest]\nepisodes_per_env = 7\n[chain]\nnetuid = 9\n").unwrap();
        let variable = |name: &str| (name == "EPISODES_PER_ENV").then(|| "3".to_owned());
        let settings = load(Some(&path), &variable, |_| {}).unwrap();
        assert_eq!(settings.contest.episodes_per_env, 3);
        assert_eq!(settings.chain.netuid, 9);
    }

    #[test]
    fn a_variable_that_is_no_number_is_told() {
        let error = load(None, &|name| (name == "NETUID").then(|| "finney".to_owned()), |_| {}).unwrap_err();
        assert!(error.to_string().contains("NETUID"), "{error}");
    }
}
