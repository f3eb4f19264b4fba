//! The rules of admission, in their order.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ClaimText, Payload, Reason, ReasonCode, Verdict, check_deployment, read_commitment};
use crate::domain::{BlockNumber, Claim, DeploymentRules, Hotkey, Miner, Uid};

/// Longest owner or name of a repository, Hugging Face's own limit.
const MAX_REPO_PART: usize = 96;

/// The content of a commitment slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// Plain bytes.
    Bytes(Vec<u8>),
    /// Content of another kind (hashes, time-locked text, …), by the kind's name.
    Opaque(String),
}

impl Committed {
    /// Reads it as [`read_commitment`] does. What is not plain bytes is never opened or guessed.
    ///
    /// # Errors
    /// The reason why it is no commitment of ours.
    pub fn read(&self) -> Result<Payload, Reason> {
        match self {
            Committed::Bytes(data) => read_commitment(data),
            Committed::Opaque(kind) => {
                let sentence = "The commitment is not plain bytes and is not read; commit a claim as text.";
                Err(Reason::new(ReasonCode::CommitmentOpaque, sentence, kind))
            }
        }
    }
}

/// A registered hotkey with what it committed, as read at a cycle's anchor block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Where it sits.
    pub uid: Uid,
    /// Who it is.
    pub hotkey: Hotkey,
    /// Block of the commitment.
    pub block: BlockNumber,
    /// What was committed.
    pub content: Committed,
}

/// A submission with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// Where it sits.
    pub uid: Uid,
    /// Who it is.
    pub hotkey: Hotkey,
    /// Block of the commitment.
    pub block: BlockNumber,
    /// The claim; none when the commitment could not be read as one.
    pub claim: Option<Claim>,
    /// What was decided.
    pub verdict: Verdict,
}

impl Admission {
    /// The miner, if it was admitted.
    pub fn miner(&self) -> Option<Miner> {
        let claim = self.claim.clone().filter(|_| self.verdict.is_admitted())?;
        Some(Miner { hotkey: self.hotkey, uid: self.uid, claim })
    }
}

/// One rule: a reason against the claim, or none.
type Rule = fn(&ClaimText, &DeploymentRules) -> Option<Reason>;

/// All rules over a claim that could be read, in the order in which their reasons are given.
const RULES: [Rule; 3] = [repo_is_well_formed, revision_is_a_full_sha, deployment_is_allowed];

/// Whether a text is `owner/name` as the hub has them: letters, digits, `.`, `_` and `-`, no separator at an end and none twice
/// but `_`, at most 96 characters a part. Such a text can stand in a path as it is.
pub fn is_repo_name(text: &str) -> bool {
    let is_part = |part: &str| {
        let is_separator = |c: char| c == '.' || c == '-';
        !part.is_empty()
            && part.len() <= MAX_REPO_PART
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
            && !part.starts_with(is_separator)
            && !part.ends_with(is_separator)
            && !part.contains("..")
            && !part.contains("--")
    };
    text.split_once('/').is_some_and(|(owner, name)| is_part(owner) && is_part(name))
}

fn repo_is_well_formed(claim: &ClaimText, _: &DeploymentRules) -> Option<Reason> {
    let sentence = "The repository must be owner/name, as in its address on the hub.";
    (!is_repo_name(&claim.repo)).then(|| Reason::new(ReasonCode::RepoMalformed, sentence, &claim.repo))
}

fn revision_is_a_full_sha(claim: &ClaimText, _: &DeploymentRules) -> Option<Reason> {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let ok = claim.revision.len() == 40 && claim.revision.bytes().all(digit);
    let sentence = "The revision must be the full commit sha, 40 lower-case hexadecimal digits: a branch or a short \
                    sha could come to mean something else.";
    (!ok).then(|| Reason::new(ReasonCode::RevisionMalformed, sentence, &claim.revision))
}

fn deployment_is_allowed(claim: &ClaimText, rules: &DeploymentRules) -> Option<Reason> {
    check_deployment(&claim.deployment, rules).err()
}

/// The verdict on a claim's texts. Every rule is asked, so that a miner sees all that is wrong at once.
pub fn admit(claim: &ClaimText, rules: &DeploymentRules) -> Verdict {
    Verdict::of(RULES.iter().filter_map(|rule| rule(claim, rules)).collect())
}

/// The verdicts on all submissions of a cycle, by uid. Commitments of another kind do not appear.
///
/// A hotkey has one claim; should the list name it twice, the lower uid's stands and the other is refused.
pub fn admit_all(submissions: &[Submission], rules: &DeploymentRules) -> Vec<Admission> {
    let mut ordered: Vec<&Submission> = submissions.iter().collect();
    ordered.sort_by_key(|submission| (submission.uid, submission.hotkey, submission.block));
    let mut hotkeys = BTreeSet::new();
    let mut admissions = Vec::new();
    for submission in ordered {
        let (claim, mut verdict) = match submission.content.read() {
            Ok(Payload::Claim(text)) => {
                let verdict = admit(&text, rules);
                (Some(text), verdict)
            }
            Ok(Payload::Log { .. } | Payload::Foreign) => continue,
            Err(reason) => (None, Verdict::of(vec![reason])),
        };
        if !hotkeys.insert(submission.hotkey) {
            verdict = Verdict::of(vec![Reason::new(
                ReasonCode::HotkeyRepeated,
                "This hotkey has another submission in this cycle; one hotkey has one claim.",
                &submission.hotkey.ss58(),
            )]);
        }
        admissions.push(Admission {
            uid: submission.uid,
            hotkey: submission.hotkey,
            block: submission.block,
            claim: claim.map(|text| Claim {
                block: submission.block,
                repo: text.repo,
                revision: text.revision,
                deployment: text.deployment,
            }),
            verdict,
        });
    }
    admissions
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn claim(repo: &str, revision: &str, deployment: &str) -> ClaimText {
        ClaimText { repo: repo.into(), revision: revision.into(), deployment: deployment.into() }
    }

    fn submission(uid: u16, key: u8, data: &str) -> Submission {
        let content = Committed::Bytes(data.into());
        Submission { uid: Uid(uid), hotkey: Hotkey([key; 32]), block: BlockNumber(100), content }
    }

    fn good(repo: &str) -> String {
        format!(r#"{{"m":"{repo}","r":"{SHA}","c":"alice-policy"}}"#)
    }

    #[test]
    fn a_good_claim_is_admitted() {
        assert_eq!(admit(&claim("alice/policy.v1_2", SHA, "alice"), &DeploymentRules::default()), Verdict::Admitted);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_and_in_order() {
        let verdict = admit(&claim("alice", "main", "A B"), &DeploymentRules::default());
        assert_eq!(verdict.codes(), ["repo_malformed", "revision_malformed", "deployment_malformed"]);
    }

    #[test]
    fn repositories_must_be_owner_and_name() {
        let long = format!("alice/{}", "x".repeat(97));
        for repo in ["", "/", "alice/", "/policy", "a/b/c", "../etc", "a b/c", "a/b\n", "-a/b", "a/b-", "a/b..c", &long]
        {
            let verdict = admit(&claim(repo, SHA, "alice"), &DeploymentRules::default());
            assert_eq!(verdict.codes(), ["repo_malformed"], "{repo:?}");
        }
    }

    #[test]
    fn revisions_must_be_full_shas() {
        for revision in ["", "main", &SHA[..39], &format!("{SHA}0"), &SHA.to_uppercase(), &SHA.replace('0', "g")] {
            let verdict = admit(&claim("a/b", revision, "alice"), &DeploymentRules::default());
            assert_eq!(verdict.codes(), ["revision_malformed"], "{revision:?}");
        }
    }

    #[test]
    fn verdicts_stand_by_uid_and_other_kinds_do_not_appear() {
        let submissions = [
            submission(5, 5, &good("alice/policy")),
            submission(2, 2, "not json"),
            submission(3, 3, r#"{"t":"chat"}"#),
        ];
        let admissions = admit_all(&submissions, &DeploymentRules::default());
        assert_eq!(admissions.iter().map(|admission| admission.uid.0).collect::<Vec<_>>(), [2, 5]);
        assert_eq!(admissions[0].verdict.codes(), ["commitment_not_json"]);
        assert_eq!((&admissions[0].claim, admissions[0].miner()), (&None, None));
        assert_eq!(admissions[1].miner().unwrap().claim.repo, "alice/policy");
    }

    #[test]
    fn what_is_not_plain_bytes_is_refused_by_its_kind() {
        let sealed = Submission { content: Committed::Opaque("Time\u{1b}lock".into()), ..submission(4, 4, "") };
        let admissions = admit_all(&[sealed], &DeploymentRules::default());
        assert_eq!(admissions[0].verdict.codes(), ["commitment_opaque"]);
        assert_eq!((&admissions[0].claim, admissions[0].block), (&None, BlockNumber(100)));
        assert_eq!(admissions[0].verdict.reasons()[0].evidence, "Time\\u{1b}lock");
    }

    #[test]
    fn one_hotkey_has_one_claim() {
        let twice = [submission(1, 7, &good("a/b")), submission(9, 7, &good("a/c"))];
        let admissions = admit_all(&twice, &DeploymentRules::default());
        assert!(admissions[0].verdict.is_admitted());
        assert_eq!(admissions[1].verdict.codes(), ["hotkey_repeated"]);
        assert_eq!(admissions[1].miner(), None);
    }

    #[test]
    fn verdicts_survive_json() {
        let submissions = [submission(2, 2, "\u{1b}[31mred"), submission(5, 5, &good("alice/policy"))];
        let admissions = admit_all(&submissions, &DeploymentRules::default());
        let json = serde_json::to_string(&admissions).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Admission>>(&json).unwrap(), admissions);
        assert!(!json.contains('\u{1b}') && !json.contains("\\u001b"));
    }
}
