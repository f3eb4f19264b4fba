//! The rules over one described submission, in their order.

use super::{
    ColdkeyText, Description, Endpoint, Reason, ReasonCode, Repository, RepositoryState, Weights, WeightsState,
};
use crate::domain::{Hotkey, RepositoryRules};

/// The file in a repository's root that names the coldkey.
pub const COLDKEY_FILE: &str = "coldkey.txt";
/// What the names of files end in whose loading can run code.
pub const PICKLED: [&str; 7] = [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"];
/// What the names of files end in that hold weights in another format: a copy in one of them would be no copy by its tensors.
pub const FOREIGN: [&str; 18] = [
    ".onnx", ".npz", ".npy", ".h5", ".hdf5", ".keras", ".tflite", ".pb", ".gguf", ".ggml", ".msgpack", ".mlmodel",
    ".mar", ".engine", ".plan", ".orbax", ".zarr", ".rknn",
];
/// What the names of files with weights end in.
const SAFETENSORS: &str = ".safetensors";
/// The list of tensors that stands beside sharded safetensors files.
const INDEX: &str = ".safetensors.index.json";

/// A rule over described submissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The repository is there for everybody.
    Repository,
    /// It has the revision.
    Revision,
    /// It is neither too large nor too small.
    Size,
    /// Its weights are safetensors and nothing else.
    Files,
    /// They are well-formed.
    Safetensors,
    /// Their types are allowed.
    Types,
    /// `coldkey.txt` names the owner of the hotkey.
    Coldkey,
    /// They are no model that everybody has.
    BaseModel,
    /// The endpoint answers.
    Endpoint,
    /// The hotkey has the stake.
    Stake,
    /// The revision is older than the cycle.
    Age,
}

/// How a rule is asked.
type Ask = fn(Judgeable) -> Finding;

/// All rules in their order.
const RULES: [(Rule, Ask); 11] = [
    (Rule::Repository, repository_is_there),
    (Rule::Revision, revision_is_there),
    (Rule::Size, size_is_allowed),
    (Rule::Files, weights_are_safetensors),
    (Rule::Safetensors, safetensors_are_well_formed),
    (Rule::Types, types_are_allowed),
    (Rule::Coldkey, coldkey_owns_the_hotkey),
    (Rule::BaseModel, model_is_no_base_model),
    (Rule::Endpoint, endpoint_is_healthy),
    (Rule::Stake, stake_is_enough),
    (Rule::Age, revision_is_older_than_the_cycle),
];

impl Rule {
    /// What it asks, for people.
    pub fn title(self) -> &'static str {
        match self {
            Rule::Repository => "repository",
            Rule::Revision => "revision",
            Rule::Size => "size",
            Rule::Files => "files",
            Rule::Safetensors => "safetensors",
            Rule::Types => "types",
            Rule::Coldkey => "coldkey.txt",
            Rule::BaseModel => "base models",
            Rule::Endpoint => "endpoint",
            Rule::Stake => "stake",
            Rule::Age => "age",
        }
    }

    /// Whether a cycle needs its answer. An endpoint that was not called is met by the episodes, and a chain need not tell
    /// the time.
    fn is_required(self) -> bool {
        !matches!(self, Rule::Endpoint | Rule::Age)
    }
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing against it; what was seen.
    Good(String),
    /// A reason against it.
    Bad(Reason),
    /// It could not be asked; why.
    NotAsked(String),
}

/// What rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Judgeable<'a> {
    /// Repository of the claim, as evidence.
    pub repo: &'a str,
    /// Revision of the claim, as evidence.
    pub revision: &'a str,
    /// The contest's rules.
    pub rules: &'a RepositoryRules,
    /// What is known.
    pub description: &'a Description,
}

/// What every rule says about a described submission alone, in the order of the rules. Whether the weights are another's is said by
/// [`super::admit_described`], which sees all submissions.
pub fn judge(submission: Judgeable) -> Vec<(Rule, Finding)> {
    RULES.iter().map(|(rule, ask)| (*rule, ask(submission))).collect()
}

/// The reasons against a submission; when there are none but a rule that a cycle needs was not asked, that.
pub(super) fn reasons(findings: Vec<(Rule, Finding)>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut open = None;
    for (rule, finding) in findings {
        match finding {
            Finding::Bad(reason) => reasons.push(reason),
            Finding::NotAsked(why) if rule.is_required() => open = open.or(Some(why)),
            Finding::Good(_) | Finding::NotAsked(_) => {}
        }
    }
    match open {
        Some(why) if reasons.is_empty() => vec![unfinished(&why)],
        _ => reasons,
    }
}

/// The reason of a submission that the platform did not get to the end of.
pub(super) fn unfinished(why: &str) -> Reason {
    let sentence = "The check of this submission was not finished in time, which is not your fault; a later cycle \
                    goes on with it.";
    Reason::new(ReasonCode::CheckUnfinished, sentence, why)
}

fn bad(code: ReasonCode, sentence: impl AsRef<str>, evidence: &str) -> Finding {
    Finding::Bad(Reason::new(code, sentence, evidence))
}

fn good(seen: impl Into<String>) -> Finding {
    Finding::Good(seen.into())
}

impl Judgeable<'_> {
    /// The repository, or why rules about it cannot be asked.
    fn found(&self) -> Result<&Repository, Finding> {
        match &self.description.repository {
            RepositoryState::Found(repository) => Ok(repository),
            RepositoryState::Unfinished(why) => Err(Finding::NotAsked(why.clone())),
            _ => Err(Finding::NotAsked("there is nothing to look at".into())),
        }
    }

    fn weights(&self) -> Result<&Weights, Finding> {
        match &self.found()?.weights {
            WeightsState::Read(weights) => Ok(weights),
            _ => Err(Finding::NotAsked("the tensors were not read".into())),
        }
    }
}

fn repository_is_there(submission: Judgeable) -> Finding {
    let repo = submission.repo;
    match &submission.description.repository {
        RepositoryState::Missing => bad(
            ReasonCode::RepoNotFound,
            "The hub shows no such repository to the public. Publish it, or commit the name that stands in its address.",
            repo,
        ),
        RepositoryState::Private(kind) => bad(
            ReasonCode::RepoPrivate,
            format!("The repository is {kind}; make it public and take away any gate, so that everybody can check it."),
            repo,
        ),
        RepositoryState::Unfinished(why) => Finding::NotAsked(why.clone()),
        RepositoryState::RevisionMissing | RepositoryState::Found(_) => good("public"),
    }
}

fn revision_is_there(submission: Judgeable) -> Finding {
    let revision = submission.revision;
    match &submission.description.repository {
        RepositoryState::RevisionMissing => bad(
            ReasonCode::RevisionNotFound,
            "The repository has no such revision; commit the full sha that its list of commits shows.",
            revision,
        ),
        RepositoryState::Found(repository) if repository.sha != revision => bad(
            ReasonCode::RevisionNotFound,
            "The hub knows the revision by another sha; commit the full sha that its list of commits shows.",
            &repository.sha,
        ),
        RepositoryState::Found(_) => good(format!("{revision} is there")),
        _ => submission.found().err().unwrap_or_else(|| Finding::NotAsked("there is no repository".into())),
    }
}

fn size_is_allowed(submission: Judgeable) -> Finding {
    let repository = match submission.found() {
        Ok(repository) => repository,
        Err(finding) => return finding,
    };
    let (bytes, rules) = (repository.bytes(), submission.rules);
    let seen = format!("{bytes} bytes in {} files", repository.files.len());
    if bytes > rules.max_bytes {
        let sentence = format!(
            "The repository may have at most {} bytes, all files of the revision together; take out what the policy does \
             not need.",
            rules.max_bytes
        );
        return bad(ReasonCode::RepoTooLarge, sentence, &seen);
    }
    if bytes < rules.min_bytes {
        let sentence = format!("The contest asks for at least {} bytes; is the upload complete?", rules.min_bytes);
        return bad(ReasonCode::RepoTooSmall, sentence, &seen);
    }
    good(seen)
}

/// Whether a file's name ends in `ending`, in upper or lower case.
fn ends_in(path: &str, ending: &str) -> bool {
    path.len() >= ending.len() && path.as_bytes()[path.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
}

fn weights_are_safetensors(submission: Judgeable) -> Finding {
    let repository = match submission.found() {
        Ok(repository) => repository,
        Err(finding) => return finding,
    };
    if let Some(path) = repository.pickled() {
        let sentence = "The repository holds a file of a kind that can run code when it is loaded; save the tensors as \
                        safetensors and delete it.";
        return bad(ReasonCode::WeightsPickled, sentence, path);
    }
    if let Some(path) = repository.foreign() {
        let sentence = "The repository holds a file of another format for weights, or a renamed safetensors file; save all \
                        tensors as safetensors and delete it.";
        return bad(ReasonCode::WeightsForeign, sentence, path);
    }
    match repository.safetensors().len() {
        0 => {
            bad(ReasonCode::WeightsMissing, "The repository holds no file *.safetensors; save the tensors as one.", "")
        }
        count => good(format!("{count} safetensors files, and no other weights")),
    }
}

/// Whether a file of that name holds weights, or counts as one that does: beside those of an upload it can make a repository
/// another model, or get it refused.
pub fn is_weights_file(path: &str) -> bool {
    ends_in(path, SAFETENSORS) || is_foreign(path) || is_pickled(path)
}

fn is_pickled(path: &str) -> bool {
    PICKLED.iter().any(|ending| ends_in(path, ending))
}

fn is_foreign(path: &str) -> bool {
    let is_renamed = path.to_ascii_lowercase().contains(".safetensors.") && !ends_in(path, INDEX);
    is_renamed || FOREIGN.iter().any(|ending| ends_in(path, ending))
}

impl Repository {
    /// The safetensors files, by path.
    pub fn safetensors(&self) -> Vec<&super::RepoFile> {
        let mut files: Vec<_> = self.files.iter().filter(|file| ends_in(&file.path, SAFETENSORS)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// The first file of a kind that can run code when it is loaded.
    fn pickled(&self) -> Option<&str> {
        self.files.iter().map(|file| file.path.as_str()).find(|path| is_pickled(path))
    }

    /// The first file of another format for weights.
    fn foreign(&self) -> Option<&str> {
        self.files.iter().map(|file| file.path.as_str()).find(|path| is_foreign(path))
    }

    /// Whether there are tensors to read, of a repository that is not refused by its size or files anyway.
    pub fn is_worth_reading(&self, rules: &RepositoryRules) -> bool {
        let is_sized = (rules.min_bytes..=rules.max_bytes).contains(&self.bytes());
        is_sized && self.pickled().is_none() && self.foreign().is_none() && !self.safetensors().is_empty()
    }
}

impl Repository {
    /// Whether `coldkey.txt` leaves it open that one of the `owners` has a right to it: none does that names somebody else or nobody.
    pub fn may_be_of(&self, owners: Option<&[Hotkey]>, rules: &RepositoryRules) -> bool {
        match owners {
            Some(owners) if rules.coldkey_file => self.coldkey.named().is_some_and(|named| owners.contains(&named)),
            _ => true,
        }
    }
}

impl ColdkeyText {
    /// The account that it names, if it is one address and nothing else.
    fn named(&self) -> Option<Hotkey> {
        match self {
            ColdkeyText::Text(text) => address_in(text).parse().ok(),
            ColdkeyText::Missing | ColdkeyText::TooLong(_) | ColdkeyText::NotRead => None,
        }
    }
}

/// A text without what editors put around it.
fn address_in(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

fn safetensors_are_well_formed(submission: Judgeable) -> Finding {
    match submission.found().map(|repository| &repository.weights) {
        Err(finding) => finding,
        Ok(WeightsState::NotRead) => Finding::NotAsked("the tensors were not read".into()),
        Ok(WeightsState::Wrong(problem)) => {
            let sentence = format!("{} {}.", problem.file, problem.what);
            bad(problem.code(), sentence, &problem.file)
        }
        Ok(WeightsState::Read(weights)) => {
            good(format!("{} tensors, {} bytes, digest {}", weights.tensors().len(), weights.bytes(), weights.digest()))
        }
    }
}

fn types_are_allowed(submission: Judgeable) -> Finding {
    match submission.weights().map(Weights::quantised) {
        Err(finding) => finding,
        Ok(Some(dtype)) if !submission.rules.quantised => {
            let sentence = "The contest takes no quantised tensors; save them as F16, BF16 or F32.";
            bad(ReasonCode::WeightsQuantised, sentence, dtype)
        }
        Ok(Some(dtype)) => good(format!("{dtype} and others; the contest takes quantised tensors")),
        Ok(None) => good("none is quantised"),
    }
}

fn coldkey_owns_the_hotkey(submission: Judgeable) -> Finding {
    if !submission.rules.coldkey_file {
        return good("the contest asks for none");
    }
    let repository = match submission.found() {
        Ok(repository) => repository,
        Err(finding) => return finding,
    };
    let text = match &repository.coldkey {
        ColdkeyText::NotRead => return Finding::NotAsked("it was not read".into()),
        ColdkeyText::Missing => {
            let sentence = "The repository has no coldkey.txt; add one with the ss58 address of the coldkey that owns \
                            your hotkey, and commit the new revision.";
            return bad(ReasonCode::ColdkeyMissing, sentence, "");
        }
        ColdkeyText::TooLong(bytes) => {
            let sentence = "coldkey.txt must hold one ss58 address and nothing else.";
            return bad(ReasonCode::ColdkeyMalformed, sentence, &format!("{bytes} bytes"));
        }
        ColdkeyText::Text(text) => address_in(text),
    };
    let named = match text.parse::<Hotkey>() {
        Ok(named) => named,
        Err(_) => {
            let sentence = "coldkey.txt must hold one ss58 address, 48 characters that begin with 5, and nothing else.";
            return bad(ReasonCode::ColdkeyMalformed, sentence, text);
        }
    };
    match submission.description.chain.coldkey {
        None => Finding::NotAsked("it is not known which coldkey owns the hotkey".into()),
        Some(owner) if owner == named => good(format!("names {owner}")),
        Some(owner) => {
            let sentence = format!("coldkey.txt names another coldkey than {owner}, which owns the hotkey.");
            bad(ReasonCode::ColdkeyMismatch, sentence, &named.ss58())
        }
    }
}

fn model_is_no_base_model(submission: Judgeable) -> Finding {
    let digest = match submission.weights() {
        Ok(weights) => weights.digest(),
        Err(finding) => return finding,
    };
    match submission.rules.base_models.iter().find(|model| model.weights == digest) {
        Some(model) => {
            let sentence = "These are the tensors of a model that everybody has; train it before you claim it.";
            bad(ReasonCode::BaseModel, sentence, &model.name)
        }
        None => good(format!("none of the {} that the contest names", submission.rules.base_models.len())),
    }
}

fn endpoint_is_healthy(submission: Judgeable) -> Finding {
    match &submission.description.endpoint {
        Endpoint::Healthy => good("answers"),
        Endpoint::Unhealthy(what) => {
            let sentence = "The endpoint does not answer as a policy does; try it with `kinitro evaluate`.";
            bad(ReasonCode::EndpointUnhealthy, sentence, what)
        }
        Endpoint::NotAsked => Finding::NotAsked("it was not called".into()),
    }
}

fn stake_is_enough(submission: Judgeable) -> Finding {
    let least = submission.rules.min_stake_rao;
    match submission.description.chain.stake_rao {
        _ if least == 0 => good("the contest asks for none"),
        None => Finding::NotAsked("the hotkey's stake is not known".into()),
        Some(stake) if stake >= least => good(format!("{stake} rao")),
        Some(stake) => {
            let sentence = format!("The hotkey needs a stake of {least} rao at the cycle's anchor; add to it.");
            bad(ReasonCode::StakeTooLow, sentence, &format!("{stake} rao"))
        }
    }
}

fn revision_is_older_than_the_cycle(submission: Judgeable) -> Finding {
    let changed = match submission.found() {
        Ok(repository) => repository.last_modified,
        Err(finding) => return finding,
    };
    let Some((changed, anchor)) = changed.zip(submission.description.chain.anchor_time) else {
        return Finding::NotAsked("the time of the revision or of the anchor is not known".into());
    };
    if changed > anchor {
        let sentence =
            format!("The revision was changed after the cycle's anchor of {anchor}; it takes part in a later one.");
        return bad(ReasonCode::RepoChangedAfterAnchor, sentence, &changed.to_string());
    }
    good(format!("last changed {changed}"))
}

#[cfg(test)]
mod tests;
