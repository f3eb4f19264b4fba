//! Verdicts and what stands behind them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::printable;

/// Longest piece of foreign text that is kept as evidence.
const MAX_EVIDENCE_CHARS: usize = 120;
/// Longest sentence: room for our words and a quoted name.
const MAX_SENTENCE_CHARS: usize = 300;

/// Why a submission was refused, as a code that stays the same from release to release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The commitment is of a kind that is not plain bytes.
    CommitmentOpaque,
    /// The commitment holds no bytes.
    CommitmentEmpty,
    /// The commitment is longer than a claim can be.
    CommitmentTooLong,
    /// The commitment is not UTF-8 text.
    CommitmentNotText,
    /// The commitment is not one JSON object.
    CommitmentNotJson,
    /// A field stands twice.
    CommitmentRepeatedField,
    /// A field that a claim does not have.
    CommitmentUnknownField,
    /// A field of the claim is missing.
    CommitmentMissingField,
    /// A field of the claim is not text.
    CommitmentWrongType,
    /// The repository is not `owner/name`.
    RepoMalformed,
    /// The revision is not a full commit sha.
    RevisionMalformed,
    /// The deployment is neither a platform's id nor a URL of scheme and host.
    DeploymentMalformed,
    /// The contest does not allow policies in that place.
    DeploymentNotAllowed,
    /// The hotkey has another submission at the same block.
    HotkeyRepeated,
    /// The contest's choice of whom to evaluate does not fall on it.
    NotDue,
}

impl ReasonCode {
    /// Every code, for tables and tests.
    pub const ALL: [ReasonCode; 15] = [
        ReasonCode::CommitmentOpaque,
        ReasonCode::CommitmentEmpty,
        ReasonCode::CommitmentTooLong,
        ReasonCode::CommitmentNotText,
        ReasonCode::CommitmentNotJson,
        ReasonCode::CommitmentRepeatedField,
        ReasonCode::CommitmentUnknownField,
        ReasonCode::CommitmentMissingField,
        ReasonCode::CommitmentWrongType,
        ReasonCode::RepoMalformed,
        ReasonCode::RevisionMalformed,
        ReasonCode::DeploymentMalformed,
        ReasonCode::DeploymentNotAllowed,
        ReasonCode::HotkeyRepeated,
        ReasonCode::NotDue,
    ];

    /// The code as it stands in JSON, for example `repo_malformed`.
    pub fn slug(self) -> &'static str {
        match self {
            ReasonCode::CommitmentOpaque => "commitment_opaque",
            ReasonCode::CommitmentEmpty => "commitment_empty",
            ReasonCode::CommitmentTooLong => "commitment_too_long",
            ReasonCode::CommitmentNotText => "commitment_not_text",
            ReasonCode::CommitmentNotJson => "commitment_not_json",
            ReasonCode::CommitmentRepeatedField => "commitment_repeated_field",
            ReasonCode::CommitmentUnknownField => "commitment_unknown_field",
            ReasonCode::CommitmentMissingField => "commitment_missing_field",
            ReasonCode::CommitmentWrongType => "commitment_wrong_type",
            ReasonCode::RepoMalformed => "repo_malformed",
            ReasonCode::RevisionMalformed => "revision_malformed",
            ReasonCode::DeploymentMalformed => "deployment_malformed",
            ReasonCode::DeploymentNotAllowed => "deployment_not_allowed",
            ReasonCode::HotkeyRepeated => "hotkey_repeated",
            ReasonCode::NotDue => "not_due",
        }
    }
}

/// One reason of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// For programs.
    pub code: ReasonCode,
    /// For the submission's author: what is wrong and what to do.
    pub sentence: String,
    /// The text it is about, made safe to show and cut to a readable length.
    pub evidence: String,
}

impl Reason {
    /// A reason; sentence and evidence may carry any foreign text.
    pub(super) fn new(code: ReasonCode, sentence: impl AsRef<str>, evidence: &str) -> Reason {
        let sentence = printable(sentence.as_ref(), MAX_SENTENCE_CHARS);
        Reason { code, sentence, evidence: printable(evidence, MAX_EVIDENCE_CHARS) }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.sentence, self.code.slug())?;
        if !self.evidence.is_empty() {
            write!(f, ": {}", self.evidence)?;
        }
        f.write_str(")")
    }
}

/// What admission decided about a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict", deny_unknown_fields)]
pub enum Verdict {
    /// It takes part.
    Admitted,
    /// It does not; at least one reason, in the order of the rules.
    Refused {
        /// Why.
        reasons: Vec<Reason>,
    },
}

impl Verdict {
    /// Admitted when there is no reason against it.
    pub(super) fn of(reasons: Vec<Reason>) -> Verdict {
        if reasons.is_empty() { Verdict::Admitted } else { Verdict::Refused { reasons } }
    }

    /// Whether the submission takes part.
    pub fn is_admitted(&self) -> bool {
        *self == Verdict::Admitted
    }

    /// The reasons of a refusal; none for an admitted submission.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Verdict::Admitted => &[],
            Verdict::Refused { reasons } => reasons,
        }
    }

    /// The codes of the reasons, as manifests carry them.
    pub fn codes(&self) -> Vec<String> {
        self.reasons().iter().map(|reason| reason.code.slug().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::ReasonCode;

    #[test]
    fn slugs_are_the_json_names() {
        for code in ReasonCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.slug());
        }
    }
}
