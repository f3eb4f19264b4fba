//! Would this endpoint be a miner's fault? The calls of an episode, looked at closely.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::beacon::OperatorKey;
use crate::domain::{Contest, DeploymentRules, ExecutorId, Fault, MissReason, PolicyProfile, printable};
use crate::episode::{EpisodeRules, Opening};
use crate::policy::{
    ClientOptions, Endpoint, Examination, HealthSeen, PlatformCredential, PolicyClient, PolicyError, RoundSeen, Secret,
};
use crate::service::trial::Trial;
use crate::sim::{SimError, Simulator};

/// A clock that differs by more makes a server's logs hard to compare; nothing else depends on it.
const CLOCK_TOLERANCE_S: f64 = 2.0;
/// What servers say of themselves in `/health` when all is well, in upper or lower case.
const WELL: [&str; 8] = ["healthy", "ok", "up", "ready", "alive", "running", "serving", "pass"];

/// Why nothing could be looked at.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Our own client.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The engine, which makes the observation that is sent.
    #[error(transparent)]
    Engine(#[from] SimError),
    /// Our own machine is at its limits.
    #[error("this machine could not make the calls: {0}; try again")]
    Ours(Fault),
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// Whether a contest would find nothing wrong with it.
    pub ok: bool,
    /// What was seen, and what to do when it is bad.
    pub seen: String,
}

impl Finding {
    fn of(what: &str, ok: bool, seen: impl Into<String>) -> Finding {
        Finding { what: what.to_owned(), ok, seen: seen.into() }
    }
}

/// The calls in one encoding, for scripts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// `json` or `msgpack`.
    pub encoding: String,
    /// How long `/reset` took.
    pub reset_ms: Option<f64>,
    /// Answers to `/act` that gave an action.
    pub answered: usize,
    /// Calls of `/act`.
    pub asked: usize,
    /// Latency that half of the calls do not exceed, and 95 and 99 of 100.
    pub p50_ms: f64,
    /// As `p50_ms`.
    pub p95_ms: f64,
    /// As `p50_ms`.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// Length of a request's body.
    pub sent_bytes: usize,
    /// Length of the longest answer's body.
    pub answer_bytes: u32,
    /// Calls without a usable answer, by reason.
    pub missed: BTreeMap<String, usize>,
}

/// All that was seen.
#[derive(Debug, Clone, Serialize)]
pub struct MinerCheck {
    /// The endpoint.
    pub endpoint: String,
    /// What was looked at, in order.
    pub findings: Vec<Finding>,
    /// The calls in each encoding.
    pub calls: Vec<Measured>,
    /// The server's clock less ours, where it tells.
    pub clock_ahead_s: Option<f64>,
}

impl MinerCheck {
    /// Whether a contest would find nothing wrong.
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| finding.ok)
    }
}

/// Looks at the policy of `deployment`, a URL or a platform's id, as the executors of `contest` would call it: with its
/// address rules and limits, the pictures of its cameras, and the bearer credential if there is one.
///
/// # Errors
/// [`CheckError`], for failures on this side only.
pub async fn check_miner(
    simulator: &Simulator,
    contest: &Contest,
    deployment: &str,
    bearer: Option<Secret>,
    acts: u32,
) -> Result<MinerCheck, CheckError> {
    let mut check = MinerCheck {
        endpoint: printable(deployment, 120),
        findings: Vec::new(),
        calls: Vec::new(),
        clock_ahead_s: None,
    };
    let mut rules = contest.deployment.clone();
    let endpoint = match Endpoint::parse(deployment, &rules) {
        Ok(endpoint) => {
            check.findings.push(Finding::of("address", true, format!("{endpoint}, allowed by the contest")));
            endpoint
        }
        Err(refused) => {
            check.findings.push(Finding::of("address", false, refused.to_string()));
            rules = DeploymentRules { allow_private_endpoints: true, ..rules };
            // It is called all the same, so that the rest can be seen on a local network.
            match Endpoint::parse(deployment, &rules) {
                Ok(endpoint) => endpoint,
                Err(_) => return Ok(check),
            }
        }
    };
    let credential = bearer.map(|bearer| PlatformCredential { host_pattern: endpoint.host().to_owned(), bearer });
    let options = ClientOptions { credentials: credential.into_iter().collect(), ..ClientOptions::default() };
    let client = PolicyClient::new(&rules, options)?;
    let trial = Trial {
        contest: Contest { episodes_per_env: 1, ..contest.clone() },
        genesis: crate::beacon::dev_genesis(crate::beacon::DEFAULT_DEV_CHAIN),
        block: crate::domain::BlockNumber(1),
        hotkey: OperatorKey::dev("miner check").hotkey(),
    };
    let Some(assignment) = trial.assignments().into_iter().next() else { return Ok(check) };
    let world = simulator.episode(&assignment.environment, &assignment.seed, contest.randomisation)?;
    let recorder: ExecutorId = "trial".parse().expect("the name is well-formed");
    let header = assignment.header(contest, simulator.fingerprint(), &world, None, recorder)?;
    let opening = Opening::draw(world, header, EpisodeRules::of(contest, PolicyProfile::KinitroV1))?;
    let observation = opening.begin(None).observation();
    let examined = client.examine(&endpoint, &contest.limits, &assignment.ticket, (&observation, acts)).await;
    judge(&mut check, contest, examined.map_err(CheckError::Ours)?);
    Ok(check)
}

fn judge(check: &mut MinerCheck, contest: &Contest, examined: Examination) {
    let limits = &contest.limits;
    match &examined.health {
        Ok(health) => {
            let (ok, seen) = judge_health(health);
            check.findings.push(Finding::of("health", ok, seen));
            check.clock_ahead_s = health.clock_ahead_s;
            check.findings.push(judge_clock(health.clock_ahead_s));
            let offer =
                if health.offers_msgpack { "json and msgpack" } else { "json only; msgpack is a fifth the size" };
            check.findings.push(Finding::of("encodings", true, offer));
        }
        Err(reason) => {
            check.findings.push(Finding::of("health", false, format!("{}: {}", reason.slug(), cure(reason.slug()))));
        }
    }
    for round in &examined.rounds {
        let measured = measure(round);
        let name = measured.encoding.clone();
        check.findings.push(match round.reset {
            Ok(us) => Finding::of(
                &format!("reset, {name}"),
                true,
                format!("{} ms of {} ms", in_ms(us), limits.reset_timeout_ms),
            ),
            Err(reason) => {
                Finding::of(&format!("reset, {name}"), false, format!("{}: {}", reason.slug(), cure(reason.slug())))
            }
        });
        if !round.replies.is_empty() || round.ended_by.is_some() {
            check.findings.push(judge_calls(round, &measured, limits.act_timeout_ms));
        }
        check.calls.push(measured);
    }
}

fn judge_health(health: &HealthSeen) -> (bool, String) {
    let time = in_ms(health.latency_us);
    if health.status != 200 {
        return (false, format!("status {}; /health must answer 200", health.status));
    }
    if !health.readable {
        return (false, "its body is no JSON of the described form, so that msgpack cannot be offered".to_owned());
    }
    // An episode reads nothing but the encodings here and goes on to /reset. What the server says against itself is told all
    // the same: it will not play well.
    let is_well = |says: &str| WELL.iter().any(|word| word.eq_ignore_ascii_case(says.trim()));
    let unwell = health.says.as_deref().filter(|says| !is_well(says)).map(|says| printable(says, 40));
    let wrong: Vec<String> = [
        unwell.map(|says| format!("it says {says:?} of itself, where \"healthy\" is expected")),
        (health.model_loaded == Some(false)).then(|| "its model is not loaded".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !wrong.is_empty() {
        let cure = "wait, or look at its log; an episode does not wait, it begins with /reset all the same";
        return (false, format!("{}; {cure}", wrong.join(", and ")));
    }
    let loaded = if health.model_loaded.is_some() { ", model loaded" } else { "" };
    let says = printable(health.says.as_deref().unwrap_or("nothing").trim(), 40);
    (true, format!("{says}{loaded}, {} bytes in {time} ms with the connection", health.bytes))
}

fn judge_clock(ahead_s: Option<f64>) -> Finding {
    let Some(ahead) = ahead_s else {
        return Finding::of("clock", true, "not told: the answer has no header Date");
    };
    // Whole seconds are told; half of one is the expected error.
    let ahead = ahead + 0.5;
    let side = if ahead < 0.0 { "behind" } else { "ahead" };
    let hint = if ahead.abs() > CLOCK_TOLERANCE_S { "; no contest minds, but set it by NTP" } else { "" };
    Finding::of("clock", true, format!("{:.0} s {side}{hint}", ahead.abs()))
}

fn judge_calls(round: &RoundSeen, measured: &Measured, limit_ms: u32) -> Finding {
    let what = format!("act, {}", measured.encoding);
    if let Some(reason) = round.ended_by {
        return Finding::of(&what, false, format!("{}: {}", reason.slug(), cure(reason.slug())));
    }
    let times = format!(
        "p50 {:.1}, p95 {:.1}, p99 {:.1} ms of {limit_ms} ms, {} of {} answered; {} bytes there, {} back",
        measured.p50_ms,
        measured.p95_ms,
        measured.p99_ms,
        measured.answered,
        measured.asked,
        measured.sent_bytes,
        measured.answer_bytes
    );
    if measured.missed.is_empty() {
        return Finding::of(&what, true, times);
    }
    let missed: Vec<String> =
        measured.missed.iter().map(|(reason, count)| format!("{reason} ×{count}: {}", cure(reason))).collect();
    Finding::of(&what, false, format!("{times}. Missed: {}", missed.join("; ")))
}

fn measure(round: &RoundSeen) -> Measured {
    let mut latencies: Vec<u32> = round.replies.iter().map(|reply| reply.latency_us).collect();
    latencies.sort_unstable();
    let at = |percent| in_ms(percentile(&latencies, percent));
    let mut missed = BTreeMap::new();
    for reason in round.replies.iter().filter_map(|reply| reply.answer.err()) {
        *missed.entry(reason.to_string()).or_default() += 1;
    }
    Measured {
        encoding: round.encoding.to_string(),
        reset_ms: round.reset.ok().map(in_ms),
        answered: round.replies.iter().filter(|reply| reply.answer.is_ok()).count(),
        asked: round.replies.len() + usize::from(round.ended_by.is_some()),
        p50_ms: at(50),
        p95_ms: at(95),
        p99_ms: at(99),
        max_ms: at(100),
        sent_bytes: round.sent_bytes,
        answer_bytes: round.replies.iter().map(|reply| reply.bytes).max().unwrap_or(0),
        missed,
    }
}

/// The nearest-rank percentile of sorted values; 0 without any.
fn percentile(sorted: &[u32], percent: usize) -> u32 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

fn in_ms(us: u32) -> f64 {
    f64::from(us / 10) / 100.0
}

/// What a miner does about a fault or a missed step.
fn cure(slug: &str) -> &'static str {
    let timeout = MissReason::Timeout.to_string();
    match slug {
        "unreachable" => "nothing answers there; does the server run, is the port open to the world?",
        "endpoint_refused" => "its name leads to an address that a contest does not call",
        "reset_failed" => "/reset must answer 200 with {\"status\": \"ok\"}; look at the server's log",
        "reset_timeout" => "it must answer within the limit; load the model before the server listens",
        "disconnected" => "the connection broke; HTTP/1.1 with keep-alive is needed",
        "http_status" => "a status other than 200; look at the server's log",
        "too_large" => "an answer has at most 64 KiB",
        "malformed" => "an answer is one map with `action`: four finite numbers",
        slug if slug == timeout => "too slow: a smaller model, a faster machine, or one nearer to the executors",
        _ => "look at the server's log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_what_a_server_says_of_itself() {
        let judged = |status, says: Option<&str>, model_loaded| {
            judge_health(&HealthSeen {
                status,
                latency_us: 1_500,
                bytes: 20,
                readable: true,
                says: says.map(str::to_owned),
                model_loaded,
                offers_msgpack: false,
                clock_ahead_s: None,
            })
        };
        for says in [None, Some("healthy"), Some("OK"), Some(" ready\n")] {
            assert!(judged(200, says, None).0 && judged(200, says, Some(true)).0, "{says:?}");
            let (ok, seen) = judged(200, says, Some(false));
            assert!(!ok && seen.starts_with("its model is not loaded; wait, or look at its log"), "{seen}");
        }
        for says in ["unhealthy", "loading", "not ok", "", "\u{1b}[2J"] {
            let (ok, seen) = judged(200, Some(says), Some(true));
            assert!(!ok && seen.contains("of itself, where \"healthy\" is expected; wait"), "{seen}");
            assert!(!seen.contains('\u{1b}') && seen.contains("begins with /reset all the same"), "{seen}");
        }
        let (_, both) = judged(200, Some("error"), Some(false));
        assert!(both.contains("\"error\"") && both.contains("its model is not loaded"), "{both}");
        assert!(!judged(503, Some("healthy"), Some(true)).0);
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!([50, 95, 99, 100].map(|percent| percentile(&hundred, percent)), [50, 95, 99, 100]);
        assert_eq!((percentile(&[7], 99), percentile(&[], 99)), (7, 0));
    }
}
