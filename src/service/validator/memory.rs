//! What a validator remembers from round to round, so that asking again changes no answer.

use super::Verdict;
use crate::domain::{CycleId, Digest, Hotkey};

/// The manifest under examination, and who is known to sign.
#[derive(Debug, Default)]
pub(super) struct Memory {
    operator: Option<Hotkey>,
    subject: Option<Examined>,
}

/// One manifest under examination.
#[derive(Debug, Clone, PartialEq)]
struct Examined {
    cycle: CycleId,
    digest: Digest,
    sample_seed: [u8; 32],
    verified: Option<Verdict>,
}

impl Memory {
    /// A memory in which `operator` is known from the settings, or will be the first who signs.
    pub(super) fn new(operator: Option<Hotkey>) -> Memory {
        Memory { operator, subject: None }
    }

    /// Who must have signed, where that is known.
    pub(super) fn operator(&self) -> Option<Hotkey> {
        self.operator
    }

    /// Takes a manifest that carries its signer's signature under examination. Its sample stays the same for as long as it is
    /// examined: with a new one at each try, an operator could hold back the episodes that it forged until none is asked for.
    ///
    /// # Errors
    /// A sentence when the operator has signed another manifest of this cycle.
    pub(super) fn examine(
        &mut self,
        cycle: CycleId,
        digest: Digest,
        draw: impl FnOnce() -> [u8; 32],
    ) -> Result<[u8; 32], String> {
        match &self.subject {
            Some(known) if known.cycle == cycle && known.digest == digest => Ok(known.sample_seed),
            Some(known) if known.cycle == cycle => Err(format!(
                "the operator has signed two manifests of cycle {cycle}, {} and {digest}; neither is believed",
                known.digest
            )),
            _ => {
                let sample_seed = draw();
                self.subject = Some(Examined { cycle, digest, sample_seed, verified: None });
                Ok(sample_seed)
            }
        }
    }

    /// The verdict on a manifest that was found true before; what is left to do then is to set its weights.
    pub(super) fn verdict(&self, digest: &Digest) -> Option<Verdict> {
        self.subject.as_ref().filter(|known| known.digest == *digest)?.verified
    }

    /// The manifest under examination is true, and so its signer is who is listened to from now on.
    pub(super) fn verified(&mut self, signer: Hotkey, verdict: Verdict) {
        self.operator.get_or_insert(signer);
        if let Some(known) = &mut self.subject {
            known.verified = Some(verdict);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CYCLE: CycleId = CycleId(4);

    #[test]
    fn the_sample_of_a_manifest_is_drawn_once() {
        let mut memory = Memory::new(None);
        assert_eq!(memory.examine(CYCLE, Digest([1; 32]), || [7; 32]), Ok([7; 32]));
        assert_eq!(memory.examine(CYCLE, Digest([1; 32]), || [8; 32]), Ok([7; 32]));
        assert_eq!(memory.examine(CycleId(5), Digest([2; 32]), || [9; 32]), Ok([9; 32]));
    }

    #[test]
    fn a_second_manifest_of_one_cycle_is_not_believed() {
        let mut memory = Memory::new(None);
        memory.examine(CYCLE, Digest([1; 32]), || [7; 32]).unwrap();
        memory.verified(Hotkey([3; 32]), Verdict::ExceptPictures);
        assert!(memory.examine(CYCLE, Digest([2; 32]), || [7; 32]).unwrap_err().contains("two manifests of cycle 4"));
        assert_eq!(memory.verdict(&Digest([1; 32])), Some(Verdict::ExceptPictures));
        assert_eq!(memory.verdict(&Digest([2; 32])), None);
    }

    #[test]
    fn who_signed_the_first_true_manifest_is_listened_to_from_then_on() {
        let mut memory = Memory::new(None);
        memory.examine(CYCLE, Digest([1; 32]), || [7; 32]).unwrap();
        memory.verified(Hotkey([3; 32]), Verdict::Verified);
        memory.verified(Hotkey([4; 32]), Verdict::Verified);
        assert_eq!(memory.operator(), Some(Hotkey([3; 32])));
    }
}
