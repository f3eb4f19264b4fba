//! Tells the service manager of a process.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Pulse;

/// How often the parts are looked at, at least; so often their words may change.
const LOOK: Duration = Duration::from_secs(1);
/// Pings in the time after which the service manager loses patience: two may be late.
const PINGS_PER_PATIENCE: u32 = 3;
/// The shortest pause between two looks, whatever the service manager asks for.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);

/// Tells the service manager, if there is one, that the process is ready once all parts have begun; what they do when that
/// changes; that the process is alive, as often as the watchdog asks and while all parts are alive; and, when `stopping` is
/// cancelled, that it stops. Ends then.
pub async fn notify_until_stopped(parts: Vec<Pulse>, stopping: CancellationToken) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let patience = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero());
    let between_pings = patience.map(|patience| patience / PINGS_PER_PATIENCE);
    let pause = between_pings.map_or(LOOK, |pause| pause.clamp(SHORTEST_LOOK, LOOK));
    let mut looks = tokio::time::interval(pause);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told { between_pings, is_ready: false, status: String::new(), pinged: None, stuck: Vec::new() };
    let teller = Teller::start();
    loop {
        tokio::select! {
            () = stopping.cancelled() => break,
            _ = looks.tick() => {
                let news = told.news(&parts, Instant::now());
                if !teller.tell(news).await {
                    told.forget();
                }
            }
        }
    }
    teller.tell(vec![News::Stopping, News::Status("stopping".into())]).await;
}

/// Something to be told.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Ready,
    Status(String),
    Alive,
    Stopping,
}

/// What the service manager knows.
struct Told {
    between_pings: Option<Duration>,
    is_ready: bool,
    status: String,
    pinged: Option<Instant>,
    /// Parts that gave no sign of life when they were looked at last.
    stuck: Vec<&'static str>,
}

impl Told {
    /// What is to be told at `now`.
    fn news(&mut self, parts: &[Pulse], now: Instant) -> Vec<News> {
        let mut news = Vec::new();
        if !self.is_ready {
            self.is_ready = parts.iter().all(Pulse::has_begun);
            if !self.is_ready {
                return news;
            }
            news.push(News::Ready);
        }
        let status: Vec<String> = parts.iter().map(Pulse::text).filter(|text| !text.is_empty()).collect();
        let status = status.join("; ");
        if status != self.status {
            news.push(News::Status(status.clone()));
            self.status = status;
        }
        let all_alive = self.all_alive(parts, now);
        if let Some(pause) = self.between_pings
            && all_alive
            && self.pinged.is_none_or(|pinged| now.saturating_duration_since(pinged) >= pause)
        {
            news.push(News::Alive);
            self.pinged = Some(now);
        }
        news
    }

    /// Nothing of it is sure to have arrived, so all is to be told again.
    fn forget(&mut self) {
        (self.is_ready, self.pinged) = (false, None);
        self.status.clear();
    }

    fn all_alive(&mut self, parts: &[Pulse], now: Instant) -> bool {
        let stuck: Vec<&'static str> = parts.iter().filter(|part| !part.is_alive(now)).map(Pulse::name).collect();
        for part in stuck.iter().filter(|part| !self.stuck.contains(part)) {
            tracing::error!(part, "no sign of life; the watchdog gets none either until there is one");
        }
        for part in self.stuck.iter().filter(|part| !stuck.contains(part)) {
            tracing::warn!(part, "it is alive again");
        }
        self.stuck = stuck;
        self.stuck.is_empty()
    }
}

/// Tells the service manager, on a thread of its own: the socket may be full, and the runtime's threads for such work may all be
/// busy with a slow disk.
struct Teller(std::sync::mpsc::Sender<(Vec<News>, oneshot::Sender<bool>)>);

impl Teller {
    fn start() -> Teller {
        let (sender, receiver) = std::sync::mpsc::channel::<(Vec<News>, oneshot::Sender<bool>)>();
        let work = move || {
            for (news, done) in receiver {
                let states: Vec<NotifyState> = news.iter().map(News::state).collect();
                let sent = sd_notify::notify(&states);
                if let Err(error) = &sent {
                    // A process that cannot tell is ended by the watchdog, if it has one; the log says why.
                    tracing::warn!(%error, "the service manager cannot be told; trying again");
                }
                let _ = done.send(sent.is_ok());
            }
        };
        if let Err(error) = std::thread::Builder::new().name("notifier".into()).spawn(work) {
            tracing::error!(%error, "no thread that tells the service manager");
        }
        Teller(sender)
    }

    /// Sends it all in one datagram; answers whether it went off.
    async fn tell(&self, news: Vec<News>) -> bool {
        if news.is_empty() {
            return true;
        }
        let (done, sent) = oneshot::channel();
        self.0.send((news, done)).is_ok() && sent.await.unwrap_or(false)
    }
}

impl News {
    fn state(&self) -> NotifyState<'_> {
        match self {
            News::Ready => NotifyState::Ready,
            News::Status(text) => NotifyState::Status(text),
            News::Alive => NotifyState::Watchdog,
            News::Stopping => NotifyState::Stopping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn told() -> Told {
        Told { between_pings: Some(3 * SECOND), is_ready: false, status: String::new(), pinged: None, stuck: vec![] }
    }

    #[tokio::test]
    async fn ready_is_told_once_when_all_parts_have_begun() {
        let (mut told, now) = (told(), Instant::now());
        let parts = [Pulse::begun("a").await, Pulse::new("b")];
        assert_eq!(told.news(&parts, now), []);
        let parts = [Pulse::begun("a").await, Pulse::begun("b").await];
        parts[1].doing("cycle 1", SECOND);
        let all = [News::Ready, News::Status("cycle 1".into()), News::Alive];
        assert_eq!(told.news(&parts, now), all);
        assert_eq!(told.news(&parts, now), []);
        told.forget();
        assert_eq!(told.news(&parts, now), all, "what did not arrive is told again");
    }

    #[tokio::test]
    async fn pings_come_in_time_and_only_while_all_parts_are_alive() {
        let (mut told, now) = (told(), Instant::now());
        let parts = [Pulse::begun("a").await, Pulse::begun("b").await];
        parts[0].doing("working", 100 * SECOND);
        assert!(told.news(&parts, now).contains(&News::Alive));
        assert_eq!(told.news(&parts, now + 2 * SECOND), []);
        assert_eq!(told.news(&parts, now + 4 * SECOND), [News::Alive]);
        parts[1].doing("waiting", SECOND);
        let status = News::Status("working; waiting".into());
        assert_eq!(told.news(&parts, now + 8 * SECOND), [status], "b is overdue, so there is no ping");
        parts[1].doing("waiting", 100 * SECOND);
        assert_eq!(told.news(&parts, now + 9 * SECOND), [News::Alive]);
        assert_eq!(told.news(&parts, now + 60 * SECOND), [], "nobody was run for a minute");
    }

    #[tokio::test]
    async fn without_a_watchdog_nobody_is_pinged() {
        let mut told = Told { between_pings: None, ..told() };
        assert_eq!(told.news(&[Pulse::begun("a").await], Instant::now()), [News::Ready]);
    }
}
