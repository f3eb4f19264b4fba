//! Lists of environments that a person typed.

use anyhow::bail;

use crate::domain::EnvId;
use crate::sim;

/// Refuses an environment that does not exist, and one that stands twice: its episodes would be counted twice.
///
/// # Errors
/// A sentence that names the first such environment.
pub fn check(environments: &[EnvId]) -> anyhow::Result<()> {
    for (place, environment) in environments.iter().enumerate() {
        if sim::task(environment).is_none() {
            bail!("there is no environment {environment}; `kinitro list-envs` shows what there is");
        }
        if environments[..place].contains(environment) {
            bail!("{environment} stands twice; name each environment once");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn each_environment_exists_and_stands_once() {
        let list = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect::<Vec<_>>();
        assert!(check(&list(&["metaworld/reach-v3", "metaworld/push-v3"])).is_ok());
        let twice = check(&list(&["metaworld/reach-v3", "metaworld/push-v3", "metaworld/reach-v3"])).unwrap_err();
        assert!(twice.to_string().starts_with("metaworld/reach-v3 stands twice"), "{twice}");
        assert!(check(&list(&["metaworld/raech-v3"])).unwrap_err().to_string().contains("kinitro list-envs"));
    }
}
