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
    /// There is no such repository on the hub, or nobody else may know of it.
    RepoNotFound,
    /// The repository is private, gated or disabled.
    RepoPrivate,
    /// The repository has no such revision.
    RevisionNotFound,
    /// The repository is larger than the contest allows.
    RepoTooLarge,
    /// The repository is smaller than the contest allows.
    RepoTooSmall,
    /// The repository holds no safetensors file.
    WeightsMissing,
    /// The repository holds files of a kind that can run code when they are loaded.
    WeightsPickled,
    /// The repository holds files of another format for weights.
    WeightsForeign,
    /// A safetensors file is broken, or two contradict each other.
    WeightsMalformed,
    /// A tensor is of a type that the format does not have.
    DtypeUnknown,
    /// A tensor is of a quantised type, which the contest does not allow.
    WeightsQuantised,
    /// The repository has no `coldkey.txt`.
    ColdkeyMissing,
    /// `coldkey.txt` is not one ss58 address.
    ColdkeyMalformed,
    /// `coldkey.txt` names another coldkey than the one that owns the hotkey.
    ColdkeyMismatch,
    /// An earlier claim has the same tensors.
    WeightsDuplicate,
    /// The tensors are those of a model that everybody has.
    BaseModel,
    /// The endpoint did not answer as a policy does.
    EndpointUnhealthy,
    /// The hotkey has less stake than the contest asks for.
    StakeTooLow,
    /// The revision is younger than the cycle's anchor.
    RepoChangedAfterAnchor,
    /// The platform has not finished the check; nobody's fault, and a later cycle goes on with it.
    CheckUnfinished,
}

impl ReasonCode {
    /// Every code, for tables and tests.
    pub const ALL: [ReasonCode; 35] = [
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
        ReasonCode::RepoNotFound,
        ReasonCode::RepoPrivate,
        ReasonCode::RevisionNotFound,
        ReasonCode::RepoTooLarge,
        ReasonCode::RepoTooSmall,
        ReasonCode::WeightsMissing,
        ReasonCode::WeightsPickled,
        ReasonCode::WeightsForeign,
        ReasonCode::WeightsMalformed,
        ReasonCode::DtypeUnknown,
        ReasonCode::WeightsQuantised,
        ReasonCode::ColdkeyMissing,
        ReasonCode::ColdkeyMalformed,
        ReasonCode::ColdkeyMismatch,
        ReasonCode::WeightsDuplicate,
        ReasonCode::BaseModel,
        ReasonCode::EndpointUnhealthy,
        ReasonCode::StakeTooLow,
        ReasonCode::RepoChangedAfterAnchor,
        ReasonCode::CheckUnfinished,
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
            ReasonCode::RepoNotFound => "repo_not_found",
            ReasonCode::RepoPrivate => "repo_private",
            ReasonCode::RevisionNotFound => "revision_not_found",
            ReasonCode::RepoTooLarge => "repo_too_large",
            ReasonCode::RepoTooSmall => "repo_too_small",
            ReasonCode::WeightsMissing => "weights_missing",
            ReasonCode::WeightsPickled => "weights_pickled",
            ReasonCode::WeightsForeign => "weights_foreign",
            ReasonCode::WeightsMalformed => "weights_malformed",
            ReasonCode::DtypeUnknown => "dtype_unknown",
            ReasonCode::WeightsQuantised => "weights_quantised",
            ReasonCode::ColdkeyMissing => "coldkey_missing",
            ReasonCode::ColdkeyMalformed => "coldkey_malformed",
            ReasonCode::ColdkeyMismatch => "coldkey_mismatch",
            ReasonCode::WeightsDuplicate => "weights_duplicate",
            ReasonCode::BaseModel => "base_model",
            ReasonCode::EndpointUnhealthy => "endpoint_unhealthy",
            ReasonCode::StakeTooLow => "stake_too_low",
            ReasonCode::RepoChangedAfterAnchor => "repo_changed_after_anchor",
            ReasonCode::CheckUnfinished => "check_unfinished",
        }
    }

    /// The code of a slug, as manifests carry it; none for one that this build does not know.
    pub fn of_slug(slug: &str) -> Option<ReasonCode> {
        ReasonCode::ALL.into_iter().find(|code| code.slug() == slug)
    }

    /// Whether it follows from the chain alone, so that anybody who reads the chain must find it too. The others stand on what
    /// the operator saw of repository and endpoint.
    pub fn follows_from_the_chain(self) -> bool {
        use ReasonCode::*;
        match self {
            CommitmentOpaque
            | CommitmentEmpty
            | CommitmentTooLong
            | CommitmentNotText
            | CommitmentNotJson
            | CommitmentRepeatedField
            | CommitmentUnknownField
            | CommitmentMissingField
            | CommitmentWrongType
            | RepoMalformed
            | RevisionMalformed
            | DeploymentMalformed
            | DeploymentNotAllowed
            | HotkeyRepeated
            | NotDue => true,
            RepoNotFound
            | RepoPrivate
            | RevisionNotFound
            | RepoTooLarge
            | RepoTooSmall
            | WeightsMissing
            | WeightsPickled
            | WeightsForeign
            | WeightsMalformed
            | DtypeUnknown
            | WeightsQuantised
            | ColdkeyMissing
            | ColdkeyMalformed
            | ColdkeyMismatch
            | WeightsDuplicate
            | BaseModel
            | EndpointUnhealthy
            | StakeTooLow
            | RepoChangedAfterAnchor
            | CheckUnfinished => false,
        }
    }

    /// Whether a claim that is refused for this reason has no right to its weights: it is in doubt whose they are, or the claim
    /// is none. Such a claim keeps no other out, and its date is not remembered.
    pub fn disowns(self) -> bool {
        use ReasonCode::{
            BaseModel, ColdkeyMalformed, ColdkeyMismatch, ColdkeyMissing, HotkeyRepeated, RevisionNotFound,
        };
        matches!(
            self,
            ColdkeyMissing | ColdkeyMalformed | ColdkeyMismatch | HotkeyRepeated | BaseModel | RevisionNotFound
        )
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
            assert_eq!(ReasonCode::of_slug(code.slug()), Some(code));
        }
    }
}
