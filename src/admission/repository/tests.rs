//! One submission, one thing wrong at a time.

use super::*;
use crate::admission::{ChainFacts, RepoFile, TensorPart, WeightsProblem};
use crate::domain::{BaseModel, Digest};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
const OWNER: Hotkey = Hotkey([7; 32]);

fn file(path: &str, bytes: u64) -> RepoFile {
    RepoFile { path: path.into(), bytes }
}

fn tensor(dtype: &str) -> TensorPart {
    TensorPart { digest: Digest([1; 32]), bytes: 8, dtype: dtype.into() }
}

fn repository() -> Repository {
    Repository {
        sha: SHA.into(),
        last_modified: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        files: vec![file("model.safetensors", 100), file("coldkey.txt", 49)],
        coldkey: ColdkeyText::Text(format!("{OWNER}\r\n")),
        weights: WeightsState::Read(Weights::of([tensor("F32")])),
    }
}

fn chain() -> ChainFacts {
    let anchor_time = Some("2026-01-02T00:00:00Z".parse().unwrap());
    ChainFacts { coldkey: Some(OWNER), stake_rao: Some(5), anchor_time }
}

fn with(repository: RepositoryState) -> Description {
    Description { repository, chain: chain(), endpoint: Endpoint::Healthy }
}

fn found(change: impl FnOnce(&mut Repository)) -> Description {
    let mut repository = repository();
    change(&mut repository);
    with(RepositoryState::Found(repository))
}

fn codes_under(rules: &RepositoryRules, description: &Description) -> Vec<&'static str> {
    let findings = judge(Judgeable { repo: "alice/policy", revision: SHA, rules, description });
    reasons(findings).iter().map(|reason| reason.code.slug()).collect()
}

fn codes(description: &Description) -> Vec<&'static str> {
    codes_under(&RepositoryRules::default(), description)
}

#[test]
fn a_good_submission_has_nothing_against_it() {
    let description = found(|_| ());
    let rules = RepositoryRules { min_stake_rao: 5, min_bytes: 149, max_bytes: 149, ..RepositoryRules::default() };
    let findings = judge(Judgeable { repo: "alice/policy", revision: SHA, rules: &rules, description: &description });
    assert!(findings.iter().all(|(_, finding)| matches!(finding, Finding::Good(_))), "{findings:?}");
}

#[test]
fn the_hub_s_word_about_the_repository_decides_first_and_alone() {
    assert_eq!(codes(&with(RepositoryState::Missing)), ["repo_not_found"]);
    assert_eq!(codes(&with(RepositoryState::Private("gated".into()))), ["repo_private"]);
    assert_eq!(codes(&with(RepositoryState::RevisionMissing)), ["revision_not_found"]);
    assert_eq!(codes(&with(RepositoryState::Unfinished("time is up".into()))), ["check_unfinished"]);
    assert_eq!(codes(&found(|repository| repository.sha = SHA.replace('0', "f"))), ["revision_not_found"]);
}

#[test]
fn sizes_are_of_all_files_together() {
    let rules = |min_bytes, max_bytes| RepositoryRules { min_bytes, max_bytes, ..RepositoryRules::default() };
    assert_eq!(codes_under(&rules(0, 148), &found(|_| ())), ["repo_too_large"]);
    assert_eq!(codes_under(&rules(150, 200), &found(|_| ())), ["repo_too_small"]);
    let lied = found(|repository| repository.files.extend([file("a", u64::MAX), file("b", u64::MAX)]));
    assert_eq!(codes(&lied), ["repo_too_large"]);
}

#[test]
fn pickled_files_are_refused_whatever_stands_beside_them() {
    for name in ["pytorch_model.bin", "a/b.PT", "x.pth", "x.ckpt", "x.pkl", "x.Pickle", "x.joblib", ".bin"] {
        let description = found(|repository| repository.files.push(file(name, 1)));
        assert_eq!(codes(&description), ["weights_pickled"], "{name}");
    }
    for name in ["net.onnx", "a/b.NPZ", "x.gguf", "model.safetensors.bak", "model.Safetensors.old/readme"] {
        let description = found(|repository| repository.files.push(file(name, 1)));
        assert_eq!(codes(&description), ["weights_foreign"], "{name}");
    }
    for name in ["bin", "robin", "notes.pt.txt", "größe.md", "onnx", "model.safetensors.index.json"] {
        assert_eq!(codes(&found(|repository| repository.files.push(file(name, 1)))), Vec::<&str>::new(), "{name}");
    }
}

#[test]
fn weights_must_be_there_and_whole() {
    let none = found(|repository| {
        repository.files.remove(0);
        repository.weights = WeightsState::NotRead;
    });
    assert_eq!(codes(&none), ["weights_missing"]);
    let problem = serde_json::from_str::<WeightsProblem>(r#"{"fault":"malformed","file":"","what":"is cut"}"#)
        .unwrap()
        .in_file("model.safetensors");
    assert_eq!(codes(&found(|repository| repository.weights = WeightsState::Wrong(problem))), ["weights_malformed"]);
    assert_eq!(codes(&found(|repository| repository.weights = WeightsState::NotRead)), ["check_unfinished"]);
}

#[test]
fn quantised_types_need_the_contest_s_leave() {
    let int8 = found(|repository| repository.weights = WeightsState::Read(Weights::of([tensor("I8")])));
    assert_eq!(codes(&int8), ["weights_quantised"]);
    let rules = RepositoryRules { quantised: true, ..RepositoryRules::default() };
    assert_eq!(codes_under(&rules, &int8), Vec::<&str>::new());
}

#[test]
fn the_coldkey_file_names_the_owner_and_nothing_else() {
    let text = |text: &str| codes(&found(|repository| repository.coldkey = ColdkeyText::Text(text.into())));
    assert_eq!(text(&format!("\u{feff} {OWNER}\n\n")), Vec::<&str>::new());
    assert_eq!(text(&Hotkey([8; 32]).ss58()), ["coldkey_mismatch"]);
    for wrong in ["", "coldkey", &format!("{OWNER} {OWNER}"), &format!("coldkey={OWNER}"), &OWNER.ss58()[1..]] {
        assert_eq!(text(wrong), ["coldkey_malformed"], "{wrong}");
    }
    assert_eq!(codes(&found(|repository| repository.coldkey = ColdkeyText::Missing)), ["coldkey_missing"]);
    assert_eq!(codes(&found(|repository| repository.coldkey = ColdkeyText::TooLong(1025))), ["coldkey_malformed"]);
    let rules = RepositoryRules { coldkey_file: false, ..RepositoryRules::default() };
    assert_eq!(codes_under(&rules, &found(|repository| repository.coldkey = ColdkeyText::Missing)), Vec::<&str>::new());
    let unknown = Description { chain: ChainFacts { coldkey: None, ..chain() }, ..found(|_| ()) };
    assert_eq!(codes(&unknown), ["check_unfinished"]);
}

#[test]
fn base_models_stake_endpoint_and_age_have_their_reasons() {
    let weights = Weights::of([tensor("F32")]).digest();
    let base_models = vec![BaseModel { name: "everybody/base".into(), weights }];
    let rules = RepositoryRules { base_models, min_stake_rao: 6, ..RepositoryRules::default() };
    let unhealthy = Endpoint::Unhealthy("status 503".into());
    let late = found(|repository| repository.last_modified = Some("2026-01-02T00:00:01Z".parse().unwrap()));
    let all = Description { endpoint: unhealthy, ..late };
    let expected = ["base_model", "endpoint_unhealthy", "stake_too_low", "repo_changed_after_anchor"];
    assert_eq!(codes_under(&rules, &all), expected, "all at once and in order");
}

#[test]
fn what_a_cycle_does_not_need_may_stay_unasked() {
    let chain = ChainFacts { anchor_time: None, stake_rao: None, ..chain() };
    let unasked = Description { endpoint: Endpoint::NotAsked, chain, ..found(|_| ()) };
    assert_eq!(codes(&unasked), Vec::<&str>::new());
    let rules = RepositoryRules { min_stake_rao: 1, ..RepositoryRules::default() };
    assert_eq!(codes_under(&rules, &unasked), ["check_unfinished"]);
}
