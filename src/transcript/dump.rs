//! A transcript as JSON lines, for people and scripts.

use serde_json::{Value, json};

use super::{ResetRecord, StepRecord, Transcript, f64_to_hex};

impl Transcript {
    /// One JSON object per line: header, reset, each step, footer. Doubles stand as decimals, which people read, and where their bits
    /// matter also as 16 hexadecimal digits.
    pub fn lines(&self) -> impl Iterator<Item = Value> {
        let header = json!({ "header": self.header });
        let mut footer = json!({ "footer": self.footer });
        footer["footer"]["transcript_id"] = json!(self.id);
        let steps = self.steps.iter().zip(1..).map(|(step, number)| step_line(number, step));
        [header, reset_line(&self.reset)].into_iter().chain(steps).chain([footer])
    }
}

fn reset_line(reset: &ResetRecord) -> Value {
    let mut line = json!({
        "step": 0,
        "observation": reset.observation,
        "frames": reset.frames,
        "state": reset.state,
    });
    put_state(&mut line, reset.state_values.as_deref());
    line
}

fn step_line(number: u32, step: &StepRecord) -> Value {
    let mut line = json!({
        "step": number,
        "sent": step.sent.ok(),
        "missed": step.sent.err(),
        "applied": step.applied,
        "observation": step.observation,
        "frames": step.frames,
        "reward": step.reward,
        "reward_bits": f64_to_hex(step.reward),
        "success": step.success,
        "state": step.state,
        "warnings": step.warnings,
        "latency_us": step.latency_us,
        "bytes": step.bytes,
    });
    put_state(&mut line, step.state_values.as_deref());
    line
}

fn put_state(line: &mut Value, values: Option<&[f64]>) {
    if let Some(values) = values {
        line["state_bits"] = values.iter().map(|value| Value::from(f64_to_hex(*value))).collect();
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::sample::transcript;

    #[test]
    fn there_is_a_line_for_each_record() {
        let lines: Vec<_> = transcript(1, 12, true, None).lines().collect();
        assert_eq!(lines.len(), 1 + 1 + 12 + 1);
        assert_eq!(lines[0]["header"]["environment"], "metaworld/pick-place-v3");
        assert_eq!(lines[12]["missed"], "timeout");
        assert_eq!(lines[12]["step"], 11);
        assert_eq!(lines[1]["state_bits"].as_array().unwrap().len(), 300);
        assert_eq!(lines[14]["footer"]["steps"], 12);
    }
}
