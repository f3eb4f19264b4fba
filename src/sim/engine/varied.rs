//! Physics in which an episode has its own friction, damping, masses and looks.

use std::ptr::{self, NonNull};
use std::sync::Arc;

use mujoco_rs::mujoco_c as mj;

use super::pages::Pages;
use super::{BodyId, Model, Physics, slice};
use crate::sim::error::SimError;
use crate::sim::variation::Variation;

/// An array of an episode's own in place of one of the shared model's. It is reached through the pointer in the view
/// alone.
struct Own<T>(NonNull<[T]>);

// SAFETY: plain numbers, owned by this value alone.
unsafe impl<T: Send> Send for Own<T> {}

// SAFETY: through `&Own` nothing is read or written.
unsafe impl<T: Sync> Sync for Own<T> {}

impl<T: Copy> Own<T> {
    /// # Safety
    /// `shared` points at `len` elements, or is null when there are none.
    unsafe fn copy_of(shared: *const T, len: usize) -> Own<T> {
        // SAFETY: as promised by the caller.
        let copy: Box<[T]> = unsafe { slice(shared, len) }.into();
        Own(NonNull::from(Box::leak(copy)))
    }
}

impl<T> Drop for Own<T> {
    fn drop(&mut self) {
        // SAFETY: leaked by `copy_of`, taken back once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// The arrays of an episode's own besides positions of bodies and sites.
#[derive(Default)]
pub(super) struct OwnArrays(Vec<Box<dyn Send + Sync>>);

/// Points arrays of a view at copies of the model's, each of a size of the model times a width.
macro_rules! own {
    ($view:ident, $model:ident; $($array:ident: $size:ident * $width:expr;)+) => {{
        let mut kept = OwnArrays::default();
        $(
            // SAFETY: MuJoCo allocated this many elements there for as long as the model lives.
            let own = unsafe { Own::copy_of($model.$array, $model.$size as usize * $width) };
            $view.$array = own.0.as_ptr().cast();
            kept.0.push(Box::new(own));
        )+
        kept
    }};
}

/// Gives a view its own copies of what [`apply`] changes, and of what depends on that.
fn own_what_varies(view: &mut mj::mjModel, model: &mj::mjModel) -> OwnArrays {
    own! { view, model;
        geom_friction: ngeom * 3;
        geom_rgba: ngeom * 4;
        dof_damping: nv * 1;
        body_mass: nbody * 1;
        body_inertia: nbody * 3;
        light_diffuse: nlight * 3;
        cam_fovy: ncam * 1;

        body_subtreemass: nbody * 1;
        body_invweight0: nbody * 2;
        dof_invweight0: nv * 1;
        dof_M0: nv * 1;
        cam_poscom0: ncam * 3;
        light_poscom0: nlight * 3;
    }
}

/// The same for what `mj_setConst` writes besides: it derives much that depends on nothing that varies. The bounding
/// volumes are apart because of their size. Of tendons and flexes MetaWorld has none, and their arrays are empty. A test
/// forbids writing into the shared model, so nothing is missing here.
fn own_what_deriving_writes(view: &mut mj::mjModel, model: &mj::mjModel) -> OwnArrays {
    own! { view, model;
        body_sameframe: nbody * 1;
        body_treeid: nbody * 1;
        body_contype: nbody * 1;
        body_conaffinity: nbody * 1;
        body_margin: nbody * 1;
        jnt_actuatorid: njnt * 1;
        dof_length: nv * 1;
        tree_bodyadr: ntree * 1;
        tree_bodynum: ntree * 1;
        tree_dofadr: ntree * 1;
        tree_dofnum: ntree * 1;
        tree_sleep_policy: ntree * 1;
        geom_sameframe: ngeom * 1;
        geom_aabb: ngeom * 6;
        geom_rbound: ngeom * 1;
        site_sameframe: nsite * 1;
        cam_pos0: ncam * 3;
        cam_mat0: ncam * 9;
        light_pos0: nlight * 3;
        light_dir0: nlight * 3;
        eq_data: neq * mj::mjNEQDATA as usize;
        actuator_length0: nout * 1;
        actuator_acc0: nout * 1;
    }
}

/// Borrows `len` elements of a C array to write, which may be null when empty.
///
/// # Safety
/// `start` points at `len` elements that outlive the borrow, and nothing else reaches them meanwhile.
unsafe fn slice_mut<'a, T>(start: *mut T, len: usize) -> &'a mut [T] {
    if len == 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(start, len) } }
}

impl Physics {
    /// Makes the physics of a new episode with a variation: [`Physics::new`], but the compiled values times the
    /// factors, and what MuJoCo derives from them derived again. `arm` is any body of the arm, whose mass stays;
    /// `table` is the body that gets the colour.
    ///
    /// # Errors
    /// [`SimError::OutOfMemory`].
    pub(crate) fn varied(
        model: Arc<Model>,
        variation: &Variation,
        arm: BodyId,
        table: BodyId,
    ) -> Result<Physics, SimError> {
        let mut physics = Physics::new(model)?;
        physics.own = own_what_varies(&mut physics.view, physics.model.raw());
        apply(&mut physics.view, variation, arm, table);
        physics.derive_constants()?;
        Ok(physics)
    }

    /// Lets MuJoCo derive again what depends on masses, and leaves the data reset.
    ///
    /// `mj_setConst` gets a view of the view, so that of all it writes only what depends on masses stays; welds keep
    /// MetaWorld's data.
    fn derive_constants(&mut self) -> Result<(), SimError> {
        // SAFETY: as in `Physics::new`; everything that is pointed at outlives this call.
        let mut passing = Box::new(unsafe { ptr::read(&raw const *self.view) });
        let written = own_what_deriving_writes(&mut passing, self.model.raw());
        // Some 6 MB, of which only the bodies' own volumes are derived: one page or two.
        let volumes = Pages::zeroed(passing.nbvh as usize * 6 * size_of::<f64>())?;
        passing.bvh_aabb = volumes.start();
        // SAFETY: the view and the data have the same sizes; the arrays that are written are the episode's own.
        unsafe {
            mj::mj_setConst(&mut *passing, self.data.as_ptr());
            mj::mj_resetData(&*self.view, self.data.as_ptr());
        }
        drop((written, volumes));
        Ok(())
    }
}

/// Writes a variation over compiled values; what MuJoCo derives from them is then out of date.
///
/// Bodies without joints belong to no tree (-1), the arm's bodies to one, each movable object's to another.
fn apply(model: &mut mj::mjModel, variation: &Variation, arm: BodyId, table: BodyId) {
    let scale = |values: &mut [f64], factor: f64| values.iter_mut().for_each(|value| *value *= factor);
    let (bodies, geoms, dofs) = (model.nbody as usize, model.ngeom as usize, model.nv as usize);
    let (lights, cameras) = (model.nlight as usize, model.ncam as usize);
    // SAFETY: the written arrays are this model's own and as long as MuJoCo says.
    unsafe {
        scale(slice_mut(model.geom_friction, geoms * 3), variation.friction);
        scale(slice_mut(model.dof_damping, dofs), variation.damping);
        scale(slice_mut(model.cam_fovy, cameras), variation.field_of_view);
        for value in slice_mut(model.light_diffuse, lights * 3) {
            *value = (f64::from(*value) * variation.light) as f32;
        }
        let trees = slice(model.body_treeid, bodies);
        for body in (0..bodies).filter(|&body| trees[body] >= 0 && trees[body] != trees[arm.0]) {
            scale(slice_mut(model.body_mass.add(body), 1), variation.mass);
            scale(slice_mut(model.body_inertia.add(body * 3), 3), variation.mass);
        }
        for geom in 0..geoms {
            let on_table = *model.geom_bodyid.add(geom) == table.0 as i32;
            let seen_only = *model.geom_contype.add(geom) == 0 && *model.geom_conaffinity.add(geom) == 0;
            if on_table && seen_only {
                slice_mut(model.geom_rgba.add(geom * 4), 4).copy_from_slice(&variation.table_colour);
            }
        }
    }
}

#[cfg(test)]
mod tests;
