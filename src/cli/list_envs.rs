//! `kinitro list-envs`

use clap::Args;
use serde::Serialize;

use super::table::Table;
use crate::sim;

/// Show the environments: id, task, task vector, objects
///
/// Example, the ids alone: kinitro list-envs --json | jq -r .[].env_id
#[derive(Debug, Args)]
pub struct ListEnvsArgs {
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    env_id: String,
    sentence: &'static str,
    task_vector_low: Vec<f64>,
    task_vector_high: Vec<f64>,
    objects: usize,
}

/// Prints the registry.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(args: &ListEnvsArgs) -> anyhow::Result<()> {
    let rows: Vec<Row> = sim::tasks()
        .iter()
        .map(|task| Row {
            env_id: task.env_id().to_string(),
            sentence: task.sentence,
            task_vector_low: task.low.to_vec(),
            task_vector_high: task.high.to_vec(),
            objects: task.objects,
        })
        .collect();
    if args.json {
        super::print_json(&rows)?;
        return Ok(());
    }
    let mut table = Table::new(&["environment", "task", "task vector low", "task vector high", "objects"]);
    for row in &rows {
        table.row([
            row.env_id.clone(),
            row.sentence.to_owned(),
            numbers(&row.task_vector_low),
            numbers(&row.task_vector_high),
            row.objects.to_string(),
        ]);
    }
    table.print();
    Ok(())
}

fn numbers(values: &[f64]) -> String {
    values.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
}
