//! Who may be shown a platform's credential.

use crate::domain::DeploymentRules;
use crate::policy::{Endpoint, Secret};

/// A credential for calls to a policy.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The credential.
    pub secret: Secret,
    /// The hosts that it is for, `*.` standing for one label; none where a person named it for this very deployment.
    pub hosts: Option<String>,
}

impl Bearer {
    /// The credential, where `deployment` is at a host that may be shown it. It goes over https only, as every bearer does.
    pub fn of(&self, deployment: &str, rules: &DeploymentRules) -> Option<Secret> {
        let rules = DeploymentRules { allow_private_endpoints: true, ..rules.clone() };
        let endpoint = Endpoint::parse(deployment, &rules).ok()?;
        let is_for = |pattern: &str| endpoint.is_at(pattern);
        self.hosts.as_deref().is_none_or(is_for).then(|| self.secret.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::platform::CHUTES_HOSTS;

    #[test]
    fn the_key_of_chutes_goes_to_hosts_of_chutes_alone() {
        let shown = |hosts: Option<&str>, deployment: &str, rules: &DeploymentRules| {
            let bearer = Bearer { secret: Secret::new("cpk_never_to_be_seen"), hosts: hosts.map(str::to_owned) };
            bearer.of(deployment, rules).is_some()
        };
        let rules = DeploymentRules::default();
        for deployment in ["alice-policy", "https://alice-policy.chutes.ai"] {
            assert!(shown(Some(CHUTES_HOSTS), deployment, &rules), "{deployment}");
        }
        let elsewhere =
            ["https://127.0.0.1:8443", "https://evil.example", "https://a.chutes.ai.evil.example", "https://chutes.ai"];
        for deployment in elsewhere {
            assert!(!shown(Some(CHUTES_HOSTS), deployment, &rules), "{deployment}");
            assert!(shown(None, deployment, &rules), "--bearer-file is for what is named beside it");
        }
        let other = DeploymentRules { hosts: vec!["*.evil.example".into()], ..rules };
        assert!(!shown(Some(CHUTES_HOSTS), "alice-policy", &other), "the slug of another platform");
    }
}
