//! `GET /metrics`: Prometheus text.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::call::{Call, call, finish};
use super::query::Query;
use super::reply::{Answer, bytes};
use super::state::ApiState;

/// Buckets of request times, in seconds: from a cached read to a slow disk.
const SECONDS_BUCKETS: [f64; 10] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts to collect the metrics of this process; a second call changes nothing.
///
/// Counters that were raised before it are lost, so call it first.
pub fn install() {
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new().set_buckets(&SECONDS_BUCKETS).expect("the list of buckets is not empty");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Somebody else's recorder keeps its counts; ours then shows only its own gauges.
        let _ = metrics::set_global_recorder(recorder);
        handle
    });
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let state = state.clone();
    warp::path!("metrics").and(call()).then(move |call: Call| finish("/metrics", scrape(state.clone(), call))).boxed()
}

/// Counters of this process and gauges of the shared state.
#[utoipa::path(get, path = "/metrics", tag = "system", responses(
    (status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn scrape(state: ApiState, call: Call) -> Answer {
    call.takes("GET")?;
    Query::none(&call.query)?;
    install();
    // A scrape must work while the store does not: that is when it is needed.
    let up = match state.store.task_stats(None).await {
        Ok(stats) => {
            let progress = stats.progress;
            metrics::gauge!("kinitro_tasks", "state" => "pending").set(progress.pending as f64);
            metrics::gauge!("kinitro_tasks", "state" => "leased").set(progress.leased as f64);
            metrics::gauge!("kinitro_tasks", "state" => "completed").set(progress.completed as f64);
            metrics::gauge!("kinitro_tasks", "state" => "failed").set(progress.failed as f64);
            metrics::gauge!("kinitro_tasks", "state" => "left_out").set(progress.left_out as f64);
            metrics::gauge!("kinitro_cycle").set(stats.cycle.map_or(0.0, |cycle| cycle.0 as f64));
            metrics::gauge!("kinitro_active_executors").set(stats.active_executors.len() as f64);
            1.0
        }
        Err(_) => 0.0,
    };
    metrics::gauge!("kinitro_store_up").set(up);
    let handle = HANDLE.get().expect("installed above");
    handle.run_upkeep();
    Ok(bytes(handle.render(), "text/plain; version=0.0.4; charset=utf-8"))
}
