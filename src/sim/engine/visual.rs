//! What there is to draw: MuJoCo's abstract scene of an episode, and the meshes and textures of its model.
//!
//! MuJoCo decides which geoms and sites are shown, where the camera stands and which lights shine
//! (`mjv_updateScene`, which needs no GL); what the pictures look like is decided in [`camera`](crate::sim::camera).

use std::mem::MaybeUninit;
use std::os::raw::c_int;

use mujoco_rs::mujoco_c as mj;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::{Model, Physics, slice};
use crate::domain::Marks;
use crate::sim::camera::{
    Camera, Form, Light, LightKind, MeshSource, Object, Prop, Quality, Stage, Surface, TextureKind, TextureSource,
};
use crate::sim::error::SimError;

/// Most things that a scene can show; MetaWorld's have below a hundred.
const MAX_PROPS: c_int = 1000;

/// `mjvScene.status` of a scene that had room for every geom.
const ALL_SHOWN: c_int = 0;

/// MuJoCo's abstract visualisation, reused from frame to frame.
pub(crate) struct Visualiser {
    pub(super) scene: Box<mj::mjvScene>,
    option: mj::mjvOption,
    perturb: mj::mjvPerturb,
    camera: mj::mjvCamera,
}

// SAFETY: the scene's arrays belong to this value alone.
unsafe impl Send for Visualiser {}

impl Drop for Visualiser {
    fn drop(&mut self) {
        // SAFETY: made by mjv_makeScene, freed once.
        unsafe { mj::mjv_freeScene(&mut *self.scene) }
    }
}

impl Visualiser {
    /// Makes one for a model, with MuJoCo's default options: groups 0 to 2 of geoms are shown.
    pub(crate) fn new(model: &Model) -> Visualiser {
        Visualiser::with_room(model, MAX_PROPS)
    }

    /// Makes one for scenes of at most `room` geoms.
    fn with_room(model: &Model, room: c_int) -> Visualiser {
        // SAFETY: the structures are filled by MuJoCo's own functions before they are read.
        unsafe {
            let mut scene = Box::<mj::mjvScene>::new_uninit();
            mj::mjv_defaultScene(scene.as_mut_ptr());
            mj::mjv_makeScene(model.raw(), scene.as_mut_ptr(), room);
            let mut option = MaybeUninit::uninit();
            mj::mjv_defaultOption(option.as_mut_ptr());
            let mut perturb = MaybeUninit::uninit();
            mj::mjv_defaultPerturb(perturb.as_mut_ptr());
            let mut camera = MaybeUninit::uninit();
            mj::mjv_defaultCamera(camera.as_mut_ptr());
            Visualiser {
                scene: scene.assume_init(),
                option: option.assume_init(),
                perturb: perturb.assume_init(),
                camera: camera.assume_init(),
            }
        }
    }

    /// Looks at an episode through a camera of its model. What MuJoCo derives from positions must be up to date.
    ///
    /// # Errors
    /// [`SimError::SceneFull`].
    pub(crate) fn look(
        &mut self,
        physics: &mut Physics,
        camera: usize,
        marks: Marks,
        stage: &mut Stage,
    ) -> Result<(), SimError> {
        self.update(physics, camera, marks)?;
        self.copy(physics, stage);
        Ok(())
    }

    /// Fills MuJoCo's scene with what a camera of the model sees.
    ///
    /// # Errors
    /// [`SimError::SceneFull`].
    pub(super) fn update(&mut self, physics: &mut Physics, camera: usize, marks: Marks) -> Result<(), SimError> {
        // MuJoCo's default, which MetaWorld keeps, is groups 0 to 2; transparent sites are never part of a scene.
        self.option.sitegroup = match marks {
            Marks::AsMetaworld => [1, 1, 1, 0, 0, 0],
            Marks::Hidden => [0; 6],
        };
        self.camera.type_ = mj::mjtCamera::mjCAMERA_FIXED as c_int;
        self.camera.fixedcamid = camera as c_int;
        let everything = mj::mjtCatBit::mjCAT_ALL as c_int;
        self.scene.status = ALL_SHOWN;
        // SAFETY: scene, model and data belong together; the data's state is not changed.
        unsafe {
            let (view, data) = (&raw const *physics.view, physics.data.as_ptr());
            let (option, perturb) = (&raw const self.option, &raw const self.perturb);
            mj::mjv_updateScene(view, data, option, perturb, &mut self.camera, everything, &mut *self.scene);
        }
        if self.scene.status == ALL_SHOWN { Ok(()) } else { Err(SimError::SceneFull { room: self.scene.maxgeom }) }
    }

    /// Names and places of the sites that the last look saw.
    #[cfg(test)]
    pub(crate) fn sites(&self, model: &Model) -> Vec<(String, [f32; 3])> {
        // SAFETY: MuJoCo filled this many geoms.
        let geoms = unsafe { slice(self.scene.geoms.cast_const(), self.scene.ngeom as usize) };
        let sites = geoms.iter().filter(|geom| geom.objtype == mj::mjtObj::mjOBJ_SITE as c_int);
        let name =
            |id: c_int| model.compiled.id_to_name(MjtObjBase::mjOBJ_SITE, id as usize).unwrap_or("unnamed").to_owned();
        sites.map(|site| (name(site.objid), site.pos)).collect()
    }

    fn copy(&self, physics: &Physics, stage: &mut Stage) {
        let scene = &*self.scene;
        // SAFETY: MuJoCo filled this many geoms.
        let geoms = unsafe { slice(scene.geoms.cast_const(), scene.ngeom as usize) };
        stage.props.clear();
        stage.props.extend(geoms.iter().filter_map(|geom| prop(&physics.view, geom)));
        stage.lights.clear();
        stage.lights.extend(scene.lights[..scene.nlight as usize].iter().filter_map(light));
        // SAFETY: both cameras of the scene were filled.
        let camera = unsafe { mj::mjv_averageCamera(&scene.camera[0], &scene.camera[1]) };
        stage.camera = Camera {
            position: camera.pos,
            forward: camera.forward,
            up: camera.up,
            bottom: camera.frustum_bottom,
            top: camera.frustum_top,
            center: camera.frustum_center,
            near: camera.frustum_near,
            far: camera.frustum_far,
        };
    }
}

fn light(light: &mj::mjvLight) -> Option<Light> {
    let kind = match light.type_ {
        kind if kind == mj::mjtLightType::mjLIGHT_DIRECTIONAL as c_int => LightKind::Directional,
        kind if kind == mj::mjtLightType::mjLIGHT_SPOT as c_int => {
            LightKind::Spot { attenuation: light.attenuation, cutoff_degrees: light.cutoff, exponent: light.exponent }
        }
        // MuJoCo's own renderer draws with no other.
        _ => return None,
    };
    Some(Light {
        kind,
        position: light.pos,
        direction: light.dir,
        ambient: light.ambient,
        diffuse: light.diffuse,
        specular: light.specular,
        casts_shadow: light.castshadow != 0,
    })
}

fn prop(model: &mj::mjModel, geom: &mj::mjvGeom) -> Option<Prop> {
    use mj::mjtGeom::*;
    let form = match geom.type_ {
        t if t == mjGEOM_PLANE as c_int => Form::Plane,
        t if t == mjGEOM_SPHERE as c_int || t == mjGEOM_ELLIPSOID as c_int => Form::Ellipsoid,
        t if t == mjGEOM_CAPSULE as c_int => Form::Capsule,
        t if t == mjGEOM_CYLINDER as c_int => Form::Cylinder,
        t if t == mjGEOM_BOX as c_int => Form::Box,
        // Even numbers are meshes, odd ones their convex hulls, which are not shown by default.
        t if t == mjGEOM_MESH as c_int && geom.dataid >= 0 && geom.dataid % 2 == 0 => {
            Form::Mesh(geom.dataid as usize / 2)
        }
        _ => return None,
    };
    let (texture, uniform, repeat) = texturing(model, geom);
    Some(Prop {
        form,
        position: geom.pos,
        orientation: geom.mat,
        size: geom.size,
        surface: Surface {
            rgba: geom.rgba,
            emission: geom.emission,
            specular: geom.specular,
            shininess: geom.shininess,
            reflectance: geom.reflectance,
            texture,
            texture_uniform: uniform,
            texture_repeat: repeat,
        },
        explicit_texture_coordinates: geom.texcoord != 0,
        object: (geom.segid >= 0).then_some(Object { id: geom.objid, kind: geom.objtype }),
    })
}

/// Number of the texture, whether it repeats by length, and how often.
fn texturing(model: &mj::mjModel, geom: &mj::mjvGeom) -> (Option<usize>, bool, [f32; 2]) {
    if let Ok(texture) = usize::try_from(geom.texid) {
        return (Some(texture), geom.texuniform != 0, geom.texrepeat);
    }
    let Ok(material) = usize::try_from(geom.matid) else { return (None, false, [0.0; 2]) };
    let roles = mj::mjtTextureRole::mjNTEXROLE as usize;
    let rgb = mj::mjtTextureRole::mjTEXROLE_RGB as usize;
    // SAFETY: arrays of one entry (and `roles` textures) per material.
    unsafe {
        let texture = *model.mat_texid.add(material * roles + rgb);
        let repeat = [*model.mat_texrepeat.add(material * 2), *model.mat_texrepeat.add(material * 2 + 1)];
        (usize::try_from(texture).ok(), *model.mat_texuniform.add(material), repeat)
    }
}

impl Model {
    /// The number of the camera of that name.
    pub(crate) fn camera(&self, name: &str) -> Option<usize> {
        self.compiled.name_to_id(MjtObjBase::mjOBJ_CAMERA, name)
    }

    /// The names of its cameras, in MuJoCo's order.
    pub(crate) fn camera_names(&self) -> impl Iterator<Item = &str> {
        (0..self.raw().ncam as usize).filter_map(|camera| self.compiled.id_to_name(MjtObjBase::mjOBJ_CAMERA, camera))
    }

    /// How finely MuJoCo divides its built-in shapes, and the size of the shadow's region.
    pub(crate) fn quality(&self) -> Quality {
        let raw = self.raw();
        Quality {
            slices: raw.vis.quality.numslices as usize,
            stacks: raw.vis.quality.numstacks as usize,
            quads: raw.vis.quality.numquads as usize,
            shadow_clip: raw.vis.map.shadowclip * raw.stat.extent as f32,
        }
    }

    /// The meshes of the model.
    pub(crate) fn meshes(&self) -> Vec<MeshSource<'_>> {
        let raw = self.raw();
        // SAFETY: arrays of the lengths that the model states.
        unsafe {
            let all = |start: *mut f32, rows: i64, width: usize| slice(start.cast_const(), rows as usize * width);
            let faces = |start: *mut c_int| slice(start.cast_const(), raw.nmeshface as usize * 3);
            let (vertices, normals) = (all(raw.mesh_vert, raw.nmeshvert, 3), all(raw.mesh_normal, raw.nmeshnormal, 3));
            let coordinates = all(raw.mesh_texcoord, raw.nmeshtexcoord, 2);
            let at = |array: *mut c_int, mesh: usize| *array.add(mesh);
            let mesh = |mesh: usize| {
                let (first, count) = (at(raw.mesh_faceadr, mesh) as usize, at(raw.mesh_facenum, mesh) as usize);
                let corners = first * 3..(first + count) * 3;
                let textured = usize::try_from(at(raw.mesh_texcoordadr, mesh)).ok();
                MeshSource {
                    vertices: &vertices[at(raw.mesh_vertadr, mesh) as usize * 3..],
                    normals: &normals[at(raw.mesh_normaladr, mesh) as usize * 3..],
                    coordinates: textured.map(|first| &coordinates[first * 2..]),
                    faces: &faces(raw.mesh_face)[corners.clone()],
                    face_normals: &faces(raw.mesh_facenormal)[corners.clone()],
                    face_coordinates: &faces(raw.mesh_facetexcoord)[corners],
                }
            };
            (0..raw.nmesh as usize).map(mesh).collect()
        }
    }

    /// The textures of the model.
    pub(crate) fn textures(&self) -> Vec<TextureSource<'_>> {
        let raw = self.raw();
        // SAFETY: arrays of one entry per texture, and pixels of the length that the model states.
        unsafe {
            let data = slice(raw.tex_data.cast_const(), raw.ntexdata as usize);
            let texture = |texture: usize| {
                let kind = match *raw.tex_type.add(texture) {
                    t if t == mj::mjtTexture::mjTEXTURE_2D as c_int => TextureKind::Flat,
                    t if t == mj::mjtTexture::mjTEXTURE_SKYBOX as c_int => TextureKind::Skybox,
                    _ => TextureKind::Cube,
                };
                TextureSource {
                    kind,
                    width: *raw.tex_width.add(texture) as usize,
                    height: *raw.tex_height.add(texture) as usize,
                    channels: *raw.tex_nchannel.add(texture) as usize,
                    pixels: &data[*raw.tex_adr.add(texture) as usize..],
                }
            };
            (0..raw.ntex as usize).map(texture).collect()
        }
    }
}

#[cfg(test)]
mod tests;
