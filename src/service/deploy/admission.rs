//! What a contest would refuse, and what nobody may see, found in the folder before anything is sent.

use super::coldkey::look_at_coldkey;
use super::{DeployPlan, Ending, StepError, Watch};
use crate::admission::{ChainFacts, Finding, Reason};
use crate::hub::upload::list;
use crate::service::admission_check::check_folder;

/// Looks at the folder as the upload would send it: for secrets, and by the contest's rules about repositories. What those
/// refuse stops a run; a contest without them only has it said.
pub(super) async fn admission_step(
    plan: &DeployPlan,
    watch: &mut dyn Watch,
    facts: ChainFacts,
) -> Result<(Ending, String), StepError> {
    let Some(settings) = &plan.upload else { return Ok((Ending::Skipped, String::new())) };
    let files = list(&plan.project, &settings.exclude, settings.max_bytes)?;
    settings.kept_secret.check(&files)?;
    look_at_coldkey(&files).map_err(StepError::Unfit)?;
    let rules = plan.contest.repository.clone().unwrap_or_default();
    let findings = check_folder(&plan.project, &settings.exclude, &rules, facts).await?;
    let reasons: Vec<&Reason> = findings.iter().filter_map(reason).collect();
    if plan.contest.repository.is_none() {
        for reason in &reasons {
            watch.say(&format!("a contest that looks at repositories would refuse it: {reason}"));
        }
        let seen = match reasons.len() {
            0 => "nothing stands against it".to_owned(),
            count => format!("{count} warnings; the contest of these settings does not look at repositories"),
        };
        return Ok((Ending::Done, seen));
    }
    if reasons.is_empty() {
        return Ok((Ending::Done, "nothing stands against it".to_owned()));
    }
    let reasons: Vec<String> = reasons.into_iter().map(ToString::to_string).collect();
    Err(StepError::Unfit(format!(
        "nothing was sent, for the contest would refuse it: {} All rules are shown by `kinitro admit --path {}`",
        reasons.join(" "),
        plan.project.display()
    )))
}

fn reason(finding: &Finding) -> Option<&Reason> {
    match finding {
        Finding::Bad(reason) => Some(reason),
        Finding::Good(_) | Finding::NotAsked(_) => None,
    }
}
