//! Whether the pictures of a recording can be compared here.

use std::collections::BTreeSet;
use std::fmt;

use super::Finding;
use crate::domain::{EngineFingerprint, GlDriver, Renderer, RendererProfile, printable};
use crate::sim::SimError;
use crate::transcript::Header;

/// Longest name of a version of the reference renderer that is shown.
const MAX_VERSION: usize = 60;

/// Why they cannot: something drew them that is not here. Not a difference, since two GL drivers, and two versions of the reference
/// renderer, need not draw the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnElsewhere {
    /// What drew the recorded ones: a GL driver, or a version of the reference renderer.
    pub recorded: String,
    /// What would draw them here, or why nothing can.
    pub here: String,
}

impl DrawnElsewhere {
    /// `None` when what drew the recorded pictures is here: the same version of the reference renderer, or, asked for by `gl`, a GL
    /// driver with all the same names.
    pub fn between(
        header: &Header,
        here: &EngineFingerprint,
        gl: impl FnOnce(RendererProfile) -> Result<Renderer, SimError>,
    ) -> Option<DrawnElsewhere> {
        let Renderer::MujocoGl(driver) = &header.renderer else {
            return DrawnElsewhere::by_version(&header.engine, here);
        };
        let here = match gl(RendererProfile::MujocoGl) {
            Ok(Renderer::MujocoGl(here)) if here == *driver => return None,
            Ok(Renderer::MujocoGl(here)) => here.to_string(),
            Ok(Renderer::Reference) => SimError::GlNotBuilt.to_string(),
            Err(error) => error.to_string(),
        };
        Some(DrawnElsewhere { recorded: driver.to_string(), here })
    }

    fn by_version(recorded: &EngineFingerprint, here: &EngineFingerprint) -> Option<DrawnElsewhere> {
        (recorded.renderer != here.renderer)
            .then(|| DrawnElsewhere { recorded: version(recorded), here: version(here) })
    }
}

impl fmt::Display for DrawnElsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pictures not checked: recorded on {}, here {}", self.recorded, self.here)
    }
}

/// The reference renderer of an engine, as text that can be shown.
fn version(engine: &EngineFingerprint) -> String {
    printable(&engine.renderer, MAX_VERSION)
}

/// What drew the pictures of an episode: a GL driver, or a version of the reference renderer.
pub(super) fn drawer(header: &Header) -> String {
    match &header.renderer {
        Renderer::Reference => version(&header.engine),
        Renderer::MujocoGl(driver) => driver.to_string(),
    }
}

/// The GL drivers that drew the pictures of a cycle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drivers(BTreeSet<GlDriver>);

impl Drivers {
    /// Most drivers that are kept, the first by name: a hostile cycle may name one for each episode.
    const KEPT: usize = 3;

    /// Takes note of what drew an episode's pictures.
    pub fn note(&mut self, renderer: &Renderer) {
        if let Renderer::MujocoGl(driver) = renderer {
            self.0.insert(driver.clone());
        }
        while self.0.len() > Drivers::KEPT {
            self.0.pop_last();
        }
    }

    /// Takes note of everything that `other` has.
    pub fn merge(&mut self, other: Drivers) {
        other.0.into_iter().for_each(|driver| self.note(&Renderer::MujocoGl(driver)));
    }

    /// What is to be said of a cycle whose episodes were drawn by several drivers: whether its miners were shown alike what they are
    /// compared by, nobody can check. `None` where one driver drew, or none.
    pub fn finding(&self) -> Option<Finding> {
        let names: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        (names.len() > 1).then(|| Finding::Unchecked {
            subject: "cycle".into(),
            reason: format!(
                "several GL drivers drew its episodes ({}), so its miners were not all shown the same pictures: let the executors \
                 of a contest draw on one driver",
                names.join("; ")
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::GlName;
    use crate::transcript::sample;

    fn driver(renderer: &str) -> GlDriver {
        GlDriver { vendor: GlName::of("Mesa"), renderer: GlName::of(renderer), driver: GlName::of("4.5 Mesa 22.3.6") }
    }

    fn header(renderer: Renderer) -> Header {
        Header { renderer, ..sample::header(false) }
    }

    fn between(recorded: &Header, gl: Result<Renderer, SimError>) -> Option<DrawnElsewhere> {
        DrawnElsewhere::between(recorded, &recorded.engine, |_| gl)
    }

    #[test]
    fn pictures_are_compared_only_between_equal_drivers() {
        let recorded = header(Renderer::MujocoGl(driver("llvmpipe (LLVM 15.0.6, 256 bits)")));
        assert_eq!(between(&recorded, Ok(recorded.renderer.clone())), None);
        let other = driver("llvmpipe (LLVM 15.0.6, 128 bits)");
        assert_eq!(
            between(&recorded, Ok(Renderer::MujocoGl(other))).unwrap().to_string(),
            "pictures not checked: recorded on Mesa / llvmpipe (LLVM 15.0.6, 256 bits) / 4.5 Mesa 22.3.6, \
             here Mesa / llvmpipe (LLVM 15.0.6, 128 bits) / 4.5 Mesa 22.3.6"
        );
    }

    #[test]
    fn where_nothing_can_draw_the_reason_says_what_to_do() {
        let recorded = header(Renderer::MujocoGl(driver("llvmpipe")));
        let none = between(&recorded, Err(SimError::GlNotBuilt)).unwrap().to_string();
        assert!(none.contains("recorded on Mesa / llvmpipe / 4.5 Mesa 22.3.6, here") && none.contains("--features gl"));
        let missing = SimError::Gl { reason: "libEGL.so.1: no such file".into() };
        let none = between(&recorded, Err(missing)).unwrap().to_string();
        assert!(none.contains("libEGL.so.1: no such file"), "{none}");
    }

    #[test]
    fn the_reference_renderer_is_told_by_its_version_and_no_driver_is_asked_for() {
        let mut recorded = header(Renderer::Reference);
        let here = recorded.engine.clone();
        let between = |header: &Header| DrawnElsewhere::between(header, &here, |_| unreachable!("nothing is asked"));
        assert_eq!(between(&recorded), None);
        recorded.engine.renderer = "reference 9\u{1b}[2J".into();
        let told = between(&recorded).unwrap().to_string();
        assert_eq!(told, format!("pictures not checked: recorded on reference 9\\u{{1b}}[2J, here {}", here.renderer));
    }

    #[test]
    fn several_drivers_in_a_cycle_are_told_and_a_few_of_them_named() {
        let mut drivers = Drivers::default();
        drivers.note(&Renderer::Reference);
        drivers.note(&Renderer::MujocoGl(driver("GPU 1")));
        drivers.note(&Renderer::MujocoGl(driver("GPU 1")));
        assert_eq!(drivers.finding(), None);
        let mut others = Drivers::default();
        (2..9).rev().for_each(|number| others.note(&Renderer::MujocoGl(driver(&format!("GPU {number}")))));
        drivers.merge(others);
        let told = drivers.finding().unwrap().to_string();
        let named = (1..9).filter(|number| told.contains(&format!("Mesa / GPU {number} / "))).collect::<Vec<_>>();
        assert_eq!(named, [1, 2, 3], "{told}");
    }
}
