//! What the public endpoints show of published cycles.

use rusqlite::{Connection, Row, params};

use super::convert::{digest, hotkey, int, number, small, text, uid};
use super::cycle_reads::{self, CYCLE_COLUMNS};
use crate::domain::{BlockNumber, CycleId, EnvId};
use crate::store::{
    EnvironmentSummary, MinerSummary, ScoreRow, ScoresView, StoreError, WeightRow, WeightsAt, WeightsView,
};

/// Published weights.
pub(super) fn weights(connection: &Connection, at: WeightsAt) -> Result<Option<WeightsView>, StoreError> {
    let block = match at {
        WeightsAt::Latest => None,
        WeightsAt::Block(block) => Some(int(block.0)),
    };
    let mut query = connection.prepare_cached(&format!(
        "SELECT {CYCLE_COLUMNS}, digest, no_weights, published_at FROM cycle JOIN publication ON publication.cycle = cycle.id \
         WHERE ?1 IS NULL OR anchor_number = ?1 ORDER BY cycle.id DESC LIMIT 1"
    ))?;
    let mut rows = query.query(params![block])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cycle = cycle_reads::from_row(row)?;
    Ok(Some(WeightsView {
        published_at: text(row, "published_at")?,
        manifest_digest: digest(row, "digest")?,
        no_weights: row.get("no_weights")?,
        weights: weight_rows(connection, cycle.id)?,
        cycle,
    }))
}

fn weight_rows(connection: &Connection, cycle: CycleId) -> Result<Vec<WeightRow>, StoreError> {
    let mut query = connection.prepare_cached("SELECT * FROM weight WHERE cycle = ?1 ORDER BY uid")?;
    query
        .query_and_then([int(cycle.0)], |row| {
            Ok(WeightRow {
                uid: uid(row)?,
                hotkey: hotkey(row)?,
                points: row.get("points")?,
                weight: row.get("weight")?,
                weight_u16: row.get("weight_u16")?,
            })
        })?
        .collect()
}

/// Published scores.
pub(super) fn scores(connection: &Connection, id: Option<CycleId>) -> Result<Option<ScoresView>, StoreError> {
    let cycle = match id {
        Some(id) => {
            cycle_reads::by_id(connection, id)?.filter(|cycle| cycle.status == crate::store::CycleStatus::Completed)
        }
        None => cycle_reads::last_completed(connection)?,
    };
    let Some(cycle) = cycle else { return Ok(None) };
    let mut query = connection.prepare_cached("SELECT * FROM score WHERE cycle = ?1 ORDER BY uid, environment")?;
    let scores = query.query_and_then([int(cycle.id.0)], score_row)?.collect::<Result<_, _>>()?;
    Ok(Some(ScoresView { cycle, scores }))
}

fn score_row(row: &Row<'_>) -> Result<ScoreRow, StoreError> {
    Ok(ScoreRow {
        uid: uid(row)?,
        hotkey: hotkey(row)?,
        environment: text(row, "environment")?,
        success_rate: row.get("success_rate")?,
        rate_low: row.get("rate_low")?,
        rate_high: row.get("rate_high")?,
        mean_reward: row.get("mean_reward")?,
        counted: small(row, "counted")?,
        failed: small(row, "failed")?,
        left_out: small(row, "left_out")?,
    })
}

/// Every miner as its newest scored cycle shows it.
pub(super) fn miners(connection: &Connection) -> Result<Vec<MinerSummary>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT score.uid, score.hotkey, anchor_number, success_rate, environment FROM score \
         JOIN (SELECT hotkey AS key, max(cycle) AS newest FROM score GROUP BY hotkey) ON key = score.hotkey AND newest = score.cycle \
         JOIN cycle ON cycle.id = score.cycle ORDER BY score.uid, score.hotkey, environment",
    )?;
    let mut miners: Vec<MinerSummary> = Vec::new();
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (hotkey, rate): (_, f64) = (hotkey(row)?, row.get("success_rate")?);
        let environment: EnvId = text(row, "environment")?;
        match miners.last_mut().filter(|miner| miner.hotkey == hotkey) {
            Some(miner) => {
                miner.avg_success_rate += rate;
                miner.environments.push(environment);
            }
            None => miners.push(MinerSummary {
                uid: uid(row)?,
                hotkey,
                last_evaluated_block: BlockNumber(number(row, "anchor_number")?),
                avg_success_rate: rate,
                environments: vec![environment],
            }),
        }
    }
    for miner in &mut miners {
        miner.avg_success_rate /= miner.environments.len() as f64;
    }
    Ok(miners)
}

/// Every environment over all published cycles.
pub(super) fn environments(connection: &Connection) -> Result<Vec<EnvironmentSummary>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT environment, sum(counted) AS n, \
         CASE WHEN sum(counted) > 0 THEN sum(success_rate * counted) / sum(counted) END AS rate \
         FROM score GROUP BY environment ORDER BY environment",
    )?;
    query
        .query_and_then([], |row| {
            Ok(EnvironmentSummary {
                environment: text(row, "environment")?,
                n_evaluations: number(row, "n")?,
                avg_success_rate: row.get("rate")?,
            })
        })?
        .collect()
}
