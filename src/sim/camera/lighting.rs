//! Light at a corner, as GL's fixed functions compute it.

use super::lanes::F4;
use super::stage::{Light, LightKind, Surface};
use super::vector::{Vec3, dot, normalised, scale, sub};

/// All lights, four by four. Those that fill up the last four give no light.
#[derive(Debug, Default)]
pub struct Lamps {
    groups: Vec<Four>,
    /// Number of the first lamp in whose way things stand.
    pub shadowed: Option<usize>,
}

/// Four lights. Colours are red, green, blue.
#[derive(Debug)]
struct Four {
    lamps: [Lamp; 4],
    /// From things towards directional lights: x, y, z of each.
    towards: [F4; 3],
    /// All are directional.
    parallel: bool,
}

/// A light made ready.
#[derive(Debug, Clone, Copy)]
struct Lamp {
    kind: LightKind,
    position: Vec3,
    /// Against the light's own direction.
    towards: Vec3,
    /// Cosine of a spot's half angle.
    rim: f32,
    ambient: F4,
    diffuse: F4,
    specular: F4,
}

/// How a surface answers to light, made ready.
#[derive(Debug, Clone, Copy)]
pub struct Finish {
    rgb: F4,
    emission: f32,
    specular: f32,
    exponent: f32,
    /// Highlights are too weak to be seen where the square of the cosine is less.
    least_square: f32,
}

/// A corner to be lit, in the world.
#[derive(Debug, Clone, Copy)]
pub struct Corner {
    pub position: Vec3,
    pub normal: Vec3,
    /// Unit vector towards the camera.
    pub viewer: Vec3,
}

/// Highlights weaker than e to this power of full light are left out: less than an eighth of a step of a colour's byte.
const FAINT: f32 = -7.7;

impl Finish {
    /// Of a surface.
    pub fn new(surface: &Surface) -> Finish {
        let exponent = surface.shininess * 128.0;
        // cosine ^ exponent is less than e ^ (exponent · (cosine − 1)).
        let least = if exponent > 0.0 { (1.0 + FAINT / exponent).max(0.0) } else { 0.0 };
        let [r, g, b, _] = surface.rgba;
        let (emission, specular) = (surface.emission, surface.specular);
        Finish { rgb: F4::new([r, g, b, 0.0]), emission, specular, exponent, least_square: least * least }
    }

    /// The same with colours that count less.
    pub fn dimmed(&self, strength: f32) -> Finish {
        Finish { rgb: self.rgb * F4::splat(strength), ..*self }
    }
}

impl Lamp {
    fn new(light: &Light) -> Lamp {
        let rim = match light.kind {
            LightKind::Directional => 0.0,
            LightKind::Spot { cutoff_degrees, .. } => libm::cosf(cutoff_degrees * (std::f32::consts::PI / 180.0)),
        };
        let four = |[r, g, b]: Vec3| F4::new([r, g, b, 0.0]);
        Lamp {
            kind: light.kind,
            position: light.position,
            towards: normalised(scale(light.direction, -1.0)),
            rim,
            ambient: four(light.ambient),
            diffuse: four(light.diffuse),
            specular: four(light.specular),
        }
    }

    fn dark() -> Lamp {
        let none = F4::splat(0.0);
        let kind = LightKind::Directional;
        Lamp { kind, position: [0.0; 3], towards: [0.0; 3], rim: 0.0, ambient: none, diffuse: none, specular: none }
    }

    /// Towards the light, and its strength there.
    fn at(&self, position: Vec3) -> (Vec3, f32) {
        match self.kind {
            LightKind::Directional => (self.towards, 1.0),
            LightKind::Spot { attenuation: [constant, linear, quadratic], exponent, .. } => {
                let way = sub(self.position, position);
                let distance = dot(way, way).sqrt();
                let towards = normalised(way);
                let along = dot(towards, self.towards);
                if along < self.rim {
                    return (towards, 0.0);
                }
                let loss = constant + linear * distance + quadratic * distance * distance;
                (towards, power(along.max(0.0), exponent) / loss)
            }
        }
    }
}

impl Lamps {
    /// Makes lights ready.
    pub fn new(lights: &[&Light]) -> Lamps {
        let groups = lights.chunks(4).map(|lights| {
            let lamp = |k: usize| lights.get(k).map_or_else(Lamp::dark, |light| Lamp::new(light));
            let lamps = [lamp(0), lamp(1), lamp(2), lamp(3)];
            let parallel = lamps.iter().all(|lamp| lamp.kind == LightKind::Directional);
            Four { towards: by_axis(lamps.map(|lamp| lamp.towards)), lamps, parallel }
        });
        Lamps { groups: groups.collect(), shadowed: lights.iter().position(|light| light.casts_shadow) }
    }

    /// The colour of a corner, and what the lamp `apart` adds to it.
    #[inline(always)]
    pub fn shine(&self, finish: &Finish, corner: &Corner, apart: Option<usize>) -> [F4; 2] {
        let mut sums = [finish.rgb * F4::splat(finish.emission), F4::splat(0.0)];
        for (group, four) in self.groups.iter().enumerate() {
            let (towards, strengths) = if four.parallel {
                (four.towards, [1.0; 4])
            } else {
                let at = four.lamps.map(|lamp| lamp.at(corner.position));
                (by_axis(at.map(|at| at.0)), at.map(|at| at.1))
            };
            let [n, v] = [corner.normal, corner.viewer].map(|v| v.map(F4::splat));
            let facing = dot4(&n, &towards);
            // The direction halfway to the viewer.
            let half = [towards[0] + v[0], towards[1] + v[1], towards[2] + v[2]];
            let (along, square) = (dot4(&n, &half), dot4(&half, &half));
            let zero = F4::splat(0.0);
            let lit = zero.at_least(facing).signs() ^ 0b1111;
            let bright = (along * along).at_least(square * F4::splat(finish.least_square)) & along.at_least(zero);
            let shiny = if finish.specular > 0.0 { bright.signs() & lit } else { 0 };
            let facing = facing.max(zero).array();
            for (k, lamp) in four.lamps.iter().enumerate() {
                let mut colour = (lamp.ambient + lamp.diffuse * F4::splat(facing[k])) * finish.rgb;
                if shiny & (1 << k) != 0 {
                    let cosine = along.array()[k] / square.array()[k].sqrt();
                    let highlight = finish.specular * power(cosine, finish.exponent);
                    colour = colour + lamp.specular * F4::splat(highlight);
                }
                let sum = &mut sums[usize::from(apart == Some(group * 4 + k))];
                *sum = *sum + colour * F4::splat(strengths[k]);
            }
        }
        sums
    }
}

fn by_axis([a, b, c, d]: [Vec3; 4]) -> [F4; 3] {
    [0, 1, 2].map(|k| F4::new([a[k], b[k], c[k], d[k]]))
}

#[inline(always)]
fn dot4(a: &[F4; 3], b: &[F4; 3]) -> F4 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// x to the power of y for x from 0 to 1. 64 and 128, which models mostly have, are multiplied out.
#[inline(always)]
fn power(x: f32, y: f32) -> f32 {
    if y == 0.0 {
        return 1.0;
    }
    if y == 64.0 || y == 128.0 {
        let mut value = x;
        for _ in 0..if y == 64.0 { 6 } else { 7 } {
            value *= value;
        }
        return value;
    }
    libm::powf(x, y)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface() -> Surface {
        Surface::plain([0.5, 0.25, 1.0, 1.0])
    }

    fn light(kind: LightKind) -> Light {
        Light {
            kind,
            position: [0.0, 0.0, 2.0],
            direction: [0.0, 0.0, -1.0],
            ambient: [0.1; 3],
            diffuse: [0.4; 3],
            specular: [0.3; 3],
            casts_shadow: false,
        }
    }

    fn colour(lights: &[Light], normal: Vec3, viewer: Vec3, apart: Option<usize>) -> [[f32; 3]; 2] {
        let corner = Corner { position: [0.0; 3], normal, viewer };
        Lamps::new(&lights.iter().collect::<Vec<_>>()).shine(&Finish::new(&surface()), &corner, apart).map(|colour| {
            let [r, g, b, _] = colour.array();
            [r, g, b]
        })
    }

    const UP: Vec3 = [0.0, 0.0, 1.0];
    const DOWN: Vec3 = [0.0, 0.0, -1.0];
    const FULL: [f32; 3] = [0.5 * 0.5 + 0.15, 0.25 * 0.5 + 0.15, 0.5 + 0.15];

    #[test]
    fn light_from_straight_above_gives_all_it_has() {
        assert_eq!(colour(&[light(LightKind::Directional)], UP, UP, None), [FULL, [0.0; 3]]);
    }

    #[test]
    fn backs_have_ambient_light_alone() {
        let dim = [0.1 * 0.5, 0.1 * 0.25, 0.1];
        assert_eq!(colour(&[light(LightKind::Directional)], DOWN, DOWN, None), [dim, [0.0; 3]]);
    }

    #[test]
    fn lamps_add_up_and_one_may_be_kept_apart() {
        let lights = vec![light(LightKind::Directional); 5];
        let [together, none] = colour(&lights, UP, UP, None);
        let [others, fifth] = colour(&lights, UP, UP, Some(4));
        assert_eq!((none, fifth), ([0.0; 3], FULL));
        for k in 0..3 {
            assert!((together[k] - 5.0 * FULL[k]).abs() < 1e-5);
            assert!((others[k] - 4.0 * FULL[k]).abs() < 1e-5);
        }
    }

    #[test]
    fn spots_shine_within_their_cone_and_lose_with_distance() {
        let spot = |cutoff_degrees| LightKind::Spot { attenuation: [0.0, 0.5, 0.25], cutoff_degrees, exponent: 0.0 };
        let [near, _] = colour(&[light(spot(45.0))], UP, UP, None);
        assert_eq!(near, FULL.map(|value| value / 2.0));
        let mut aside = light(spot(20.0));
        aside.position = [2.0, 0.0, 2.0];
        assert_eq!(colour(&[aside], UP, UP, None)[0], [0.0; 3]);
    }

    #[test]
    fn highlights_are_only_left_out_where_no_byte_changes() {
        let finish = Finish::new(&surface());
        let cosine = finish.least_square.sqrt();
        assert!(255.0 * libm::powf(cosine, finish.exponent) < 0.125);
        assert!(cosine > 0.8);
    }
}
