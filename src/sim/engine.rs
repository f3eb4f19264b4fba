//! The one place that talks to libmujoco's C interface: compiled models, and the physics of one episode.
//!
//! A compiled [`Model`] is shared by all episodes and never written again. Each [`Physics`] sees it through its own
//! *view*: a shallow copy of the `mjModel` structure in which the few edited arrays point at memory of its own.
//! Every call into MuJoCo takes that view, so nothing crosses episodes and any thread may step any episode.

mod pages;
mod varied;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::{Arc, Once};

use mujoco_rs::mujoco_c as mj;
use mujoco_rs::wrappers::mj_auxiliary::MjVfs;
use mujoco_rs::wrappers::mj_logging::{MjLogMessage, MjtLogLevel};
use mujoco_rs::wrappers::mj_model::{MjModel, MjtObjBase};

use self::varied::OwnArrays;
use super::error::SimError;

#[cfg(feature = "gl")]
mod egl;
#[cfg(feature = "gl")]
mod gl;
#[cfg(feature = "gl")]
mod opengl;
mod visual;

#[cfg(feature = "gl")]
pub(crate) use gl::{choose_device as choose_gl_device, driver as gl_driver};
pub(crate) use pages::share_heaps;
pub(crate) use visual::Visualiser;

/// Which parts of the state `integration_state` holds: all that decides the following steps.
const STATE: c_int = mj::mjtState::mjSTATE_INTEGRATION as c_int;

/// What MetaWorld writes over the data of each weld: no anchor, no relative position, the quaternion
/// (-1, 0, 0, 0), torque scale 5. The twelfth number stays as compiled.
const WELD_DATA: [f64; 11] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 5.0];

/// Warnings after which the state is not physics any more (numbers that are not finite, or huge).
const UNSTABLE: u32 = (1 << mj::mjtWarning::mjWARN_BADQPOS as u32)
    | (1 << mj::mjtWarning::mjWARN_BADQVEL as u32)
    | (1 << mj::mjtWarning::mjWARN_BADQACC as u32)
    | (1 << mj::mjtWarning::mjWARN_BADCTRL as u32);

/// Defines the id of one kind of model element.
macro_rules! element_id {
    ($(#[$doc:meta])* $name:ident, $lookup:ident, $kind:literal, $object:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(usize);

        impl Model {
            #[doc = concat!("Finds the ", $kind, " of that name.\n\n# Errors\n[`SimError::NoSuchElement`].")]
            pub(crate) fn $lookup(&self, name: &str) -> Result<$name, SimError> {
                self.compiled.name_to_id(MjtObjBase::$object, name).map($name).ok_or_else(|| {
                    SimError::NoSuchElement { kind: $kind, name: name.to_owned() }
                })
            }
        }
    };
}

element_id!(
    /// A body of a model.
    BodyId, body, "body", mjOBJ_BODY
);
element_id!(
    /// A site of a model.
    SiteId, site, "site", mjOBJ_SITE
);
element_id!(
    /// A geom of a model.
    GeomId, geom, "geom", mjOBJ_GEOM
);
element_id!(
    /// A joint of a model.
    JointId, joint, "joint", mjOBJ_JOINT
);

/// A compiled model, shared by all episodes that use it.
pub(crate) struct Model {
    compiled: MjModel,
    /// Whether [`Physics::step`] may keep what it derived when only controls and mocap bodies have changed.
    pub(super) inert_mocap: bool,
}

impl Model {
    /// Compiles the model whose main file is `xml` out of `files` (names relative to the assets folder).
    ///
    /// Autoreset is switched off, so that an unstable state shows instead of silently becoming another episode,
    /// and welds get MetaWorld's data.
    ///
    /// # Errors
    /// [`SimError::Model`] with MuJoCo's own words.
    pub(crate) fn compile(xml: &str, files: Vec<(String, Vec<u8>)>) -> Result<Model, SimError> {
        route_messages();
        let failed = |reason: String| SimError::Model { xml: xml.to_owned(), reason };
        let mut vfs = MjVfs::new();
        // MuJoCo takes copies.
        for (name, bytes) in files {
            vfs.add_from_buffer(&name, &bytes).map_err(|error| failed(format!("{name}: {error}")))?;
        }
        let mut compiled = MjModel::from_xml_vfs(xml, &vfs).map_err(|error| failed(error.to_string()))?;
        drop(vfs);
        pages::give_back_free_memory();
        // SAFETY: options and equality data are plain numbers that MuJoCo allows to be changed; no size changes.
        unsafe {
            let raw = compiled.ffi_mut();
            raw.opt.disableflags |= mj::mjtDisableBit::mjDSBL_AUTORESET as c_int;
            for weld in 0..raw.neq as usize {
                if *raw.eq_type.add(weld) == mj::mjtEq::mjEQ_WELD as c_int {
                    let row = raw.eq_data.add(weld * mj::mjNEQDATA as usize);
                    ptr::copy_nonoverlapping(WELD_DATA.as_ptr(), row, WELD_DATA.len());
                }
            }
        }
        let inert_mocap = has_inert_mocap(compiled.ffi());
        Ok(Model { compiled, inert_mocap })
    }

    fn raw(&self) -> &mj::mjModel {
        self.compiled.ffi()
    }
}

/// The physics of one episode: a view of a shared model, and the `mjData` that belongs to it.
pub(crate) struct Physics {
    data: NonNull<mj::mjData>,
    /// Shallow copy of the model's structure. Never given to `mj_deleteModel`: it owns nothing.
    view: Box<mj::mjModel>,
    /// What `view.body_pos` points at: this episode's own positions of bodies in their parents.
    body_pos: Box<[f64]>,
    /// What `view.site_pos` points at: this episode's own positions of sites in their bodies.
    site_pos: Box<[f64]>,
    /// What the view's other edited arrays point at; none unless [`Physics::varied`] made it.
    own: OwnArrays,
    /// Keeps everything else that the view points at alive.
    model: Arc<Model>,
    /// All that MuJoCo derives from the state was computed, and since then only controls and mocap bodies changed.
    derived: bool,
}

// SAFETY: the data and the edited arrays are owned by this value alone, the rest of the view is only read, and MuJoCo
// keeps no state of a simulation in thread-locals or globals.
unsafe impl Send for Physics {}

// SAFETY: through `&Physics` memory is only read.
unsafe impl Sync for Physics {}

impl Drop for Physics {
    fn drop(&mut self) {
        // SAFETY: made by mj_makeData, deleted once.
        unsafe { mj::mj_deleteData(self.data.as_ptr()) }
    }
}

/// Defines safe accessors to arrays of `mjData`, whose length is a size of the model times a width.
macro_rules! arrays {
    ($($(#[$doc:meta])* $name:ident is $array:ident: $size:ident * $width:literal;)+) => {$(
        $(#[$doc])*
        pub(crate) fn $name(&self) -> &[f64] {
            // SAFETY: MuJoCo allocated this many numbers there for as long as the data lives.
            unsafe { slice(self.data.as_ref().$array, self.view.$size as usize * $width) }
        }
    )+};
    (mut $($(#[$doc:meta])* $name:ident is $array:ident: $size:ident * $width:literal, moves: $moves:literal;)+) => {$(
        $(#[$doc])*
        pub(crate) fn $name(&mut self) -> &mut [f64] {
            self.derived &= !$moves;
            let len = self.view.$size as usize * $width;
            // SAFETY: as above, and `&mut self` is the only way to this data.
            unsafe { std::slice::from_raw_parts_mut(self.data.as_mut().$array, len) }
        }
    )+};
}

/// Defines getters of the Cartesian frames that MuJoCo computes for one kind of element.
macro_rules! frames {
    ($($(#[$doc:meta])* $name:ident($id:ident): $array:ident -> $width:literal;)+) => {$(
        $(#[$doc])*
        pub(crate) fn $name(&self, id: $id) -> [f64; $width] {
            // SAFETY: ids come from this model, so the row exists.
            unsafe { self.data.as_ref().$array.add(id.0 * $width).cast::<[f64; $width]>().read() }
        }
    )+};
}

impl Physics {
    /// Makes the physics of a new episode, reset to the model's initial state.
    ///
    /// # Errors
    /// [`SimError::OutOfMemory`].
    pub(crate) fn new(model: Arc<Model>) -> Result<Physics, SimError> {
        let raw = model.raw();
        // SAFETY: the model is valid; a null result is handled.
        let data = NonNull::new(unsafe { mj::mj_makeData(raw) }).ok_or(SimError::OutOfMemory)?;
        // SAFETY: the structure is plain numbers and pointers without a destructor; the pointers stay valid because
        // `model` is kept. The arrays hold three numbers per body and per site.
        let (mut view, mut body_pos, mut site_pos) = unsafe {
            (
                Box::new(ptr::read(raw)),
                Box::<[f64]>::from(slice(raw.body_pos, raw.nbody as usize * 3)),
                Box::<[f64]>::from(slice(raw.site_pos, raw.nsite as usize * 3)),
            )
        };
        view.body_pos = body_pos.as_mut_ptr();
        view.site_pos = site_pos.as_mut_ptr();
        Ok(Physics { data, view, body_pos, site_pos, own: OwnArrays::default(), model, derived: false })
    }

    arrays! {
        /// Generalised positions.
        qpos is qpos: nq * 1;
        /// Generalised velocities.
        qvel is qvel: nv * 1;
        /// Positions of the mocap bodies, metres.
        mocap_pos is mocap_pos: nmocap * 3;
    }

    arrays! { mut
        /// Generalised positions, to change.
        qpos_mut is qpos: nq * 1, moves: true;
        /// Generalised velocities, to change.
        qvel_mut is qvel: nv * 1, moves: true;
        /// Controls of the actuators.
        ctrl_mut is ctrl: nu * 1, moves: false;
        /// Positions of the mocap bodies, metres, to change.
        mocap_pos_mut is mocap_pos: nmocap * 3, moves: false;
        /// Orientations of the mocap bodies, w x y z, not necessarily normalised.
        mocap_quat_mut is mocap_quat: nmocap * 4, moves: false;
    }

    frames! {
        /// Position of a body, metres, world frame.
        body_xpos(BodyId): xpos -> 3;
        /// Orientation of a body, w x y z.
        body_xquat(BodyId): xquat -> 4;
        /// Orientation of a body, row-major matrix.
        body_xmat(BodyId): xmat -> 9;
        /// Position of a geom, metres, world frame.
        geom_xpos(GeomId): geom_xpos -> 3;
        /// Orientation of a geom, row-major matrix.
        geom_xmat(GeomId): geom_xmat -> 9;
        /// Position of a site, metres, world frame.
        site_xpos(SiteId): site_xpos -> 3;
        /// Orientation of a site, row-major matrix.
        site_xmat(SiteId): site_xmat -> 9;
    }

    /// Where the joint's first number lies in [`Physics::qpos`].
    pub(crate) fn qpos_address(&self, joint: JointId) -> usize {
        // SAFETY: ids come from this model.
        unsafe { *self.view.jnt_qposadr.add(joint.0) as usize }
    }

    /// Where the joint's first number lies in [`Physics::qvel`].
    pub(crate) fn qvel_address(&self, joint: JointId) -> usize {
        // SAFETY: ids come from this model.
        unsafe { *self.view.jnt_dofadr.add(joint.0) as usize }
    }

    /// Puts a body elsewhere in its parent, in this episode only.
    pub(crate) fn set_body_pos(&mut self, id: BodyId, position_m: [f64; 3]) {
        self.derived = false;
        self.body_pos[id.0 * 3..][..3].copy_from_slice(&position_m);
        self.view.body_pos = self.body_pos.as_mut_ptr();
    }

    /// Where the body stands in its parent in this episode, metres: `model.body_pos` of MetaWorld's Python.
    pub(crate) fn body_pos(&self, id: BodyId) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.body_pos[id.0 * 3 + axis])
    }

    /// Where the site stands in its body in this episode, metres: `model.site_pos`.
    pub(crate) fn site_pos(&self, id: SiteId) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.site_pos[id.0 * 3 + axis])
    }

    /// Puts a site elsewhere in its body, in this episode only.
    pub(crate) fn set_site_pos(&mut self, id: SiteId, position_m: [f64; 3]) {
        self.site_pos[id.0 * 3..][..3].copy_from_slice(&position_m);
        self.view.site_pos = self.site_pos.as_mut_ptr();
    }

    /// Advances by one time step of the model.
    pub(crate) fn step(&mut self) {
        if std::mem::take(&mut self.derived) && self.model.inert_mocap {
            self.step_from_derived();
        } else {
            // SAFETY: view and data belong together.
            unsafe { mj::mj_step(&*self.view, self.data.as_ptr()) }
        }
    }

    /// What `mj_step` does, to the bit, when [`Physics::forward`] went before and only controls and mocap bodies
    /// changed since. Inertia, collisions, velocities and passive forces, half of a step's time, depend on neither
    /// ([`has_inert_mocap`]), so they are still right; what the weld to a mocap body takes part in is computed again.
    fn step_from_derived(&mut self) {
        let (view, data) = (&raw const *self.view, self.data.as_ptr());
        // SAFETY: view and data belong together; these are the parts of `mj_step` in its own order.
        unsafe {
            mj::mj_checkPos(view, data);
            mj::mj_checkVel(view, data);
            mj::mj_kinematics(view, data);
            mj::mj_makeConstraint(view, data);
            mj::mj_island(view, data);
            mj::mj_projectConstraint(view, data);
            mj::mj_referenceConstraint(view, data);
            mj::mj_forwardSkip(view, data, mj::mjtStage::mjSTAGE_VEL as c_int, 0);
            mj::mj_checkAcc(view, data);
            mj::mj_Euler(view, data);
        }
    }

    /// The model as compiled.
    pub(crate) fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Computes everything that follows from the state, without advancing.
    pub(crate) fn forward(&mut self) {
        // SAFETY: view and data belong together.
        unsafe { mj::mj_forward(&*self.view, self.data.as_ptr()) }
        self.derived = true;
    }

    /// Lets `look` see what follows from the state, derived anew in a copy: the data itself keeps what is stale in it,
    /// and the solver's starting point.
    ///
    /// # Errors
    /// [`SimError::OutOfMemory`].
    pub(crate) fn derived_aside<T>(&mut self, look: impl FnOnce(&mut Physics) -> T) -> Result<T, SimError> {
        // SAFETY: view and data belong together; a null destination asks for a new one, and a null result is handled.
        let copy = unsafe { mj::mj_copyData(ptr::null_mut(), &*self.view, self.data.as_ptr()) };
        let copy = NonNull::new(copy).ok_or(SimError::OutOfMemory)?;
        let aside = Aside { kept: (std::mem::replace(&mut self.data, copy), self.derived), physics: self };
        aside.physics.forward();
        Ok(look(aside.physics))
    }

    /// Takes over the whole data of `other`, which must be of the same model; edits of the model stay.
    pub(crate) fn copy_data_from(&mut self, other: &Physics) {
        assert!(Arc::ptr_eq(&self.model, &other.model), "data is copied between episodes of one model only");
        self.derived = false;
        // SAFETY: both are of one model, so their sizes agree.
        unsafe { mj::mj_copyData(self.data.as_ptr(), &*self.view, other.data.as_ptr()) };
    }

    /// Writes the numbers that decide all following steps into `out`, replacing what it held.
    pub(crate) fn read_state(&self, out: &mut Vec<f64>) {
        // SAFETY: `out` is made as long as MuJoCo says the state is.
        unsafe {
            out.clear();
            out.resize(mj::mj_stateSize(&*self.view, STATE) as usize, 0.0);
            mj::mj_getState(&*self.view, self.data.as_ptr(), out.as_mut_ptr(), STATE);
        }
    }

    /// Takes over a state that [`Physics::read_state`] of the same model wrote.
    pub(crate) fn write_state(&mut self, state: &[f64]) {
        self.derived = false;
        // SAFETY: the length is checked.
        unsafe {
            assert_eq!(state.len(), mj::mj_stateSize(&*self.view, STATE) as usize, "the state is of another model");
            mj::mj_setState(&*self.view, self.data.as_ptr(), state.as_ptr(), STATE);
        }
    }

    /// The warnings since the last call, one bit per `mjtWarning`.
    pub(crate) fn take_warnings(&mut self) -> u32 {
        // SAFETY: `&mut self` is the only way to this data.
        let counters = unsafe { &mut self.data.as_mut().warning };
        let mut raised = 0;
        for (bit, counter) in counters.iter_mut().enumerate() {
            raised |= u32::from(counter.number > 0) << bit;
            counter.number = 0;
        }
        raised
    }

    /// Sum of the normal forces of the contacts between two geoms, in MuJoCo's order of contacts, newtons.
    pub(crate) fn contact_force(&self, one: GeomId, other: GeomId) -> f64 {
        // SAFETY: contacts and constraint forces are arrays of these lengths until the next step.
        let (contacts, forces) = unsafe {
            let data = self.data.as_ref();
            (slice(data.contact, data.ncon as usize), slice(data.efc_force, data.nefc as usize))
        };
        let mut sum = 0.0;
        for contact in contacts {
            let pair = [contact.geom1, contact.geom2];
            if pair.contains(&(one.0 as c_int)) && pair.contains(&(other.0 as c_int)) {
                // A contact without a constraint has the address -1, which the oracle's Python reads as "the last".
                let address = usize::try_from(contact.efc_address).unwrap_or(forces.len() - 1);
                sum += forces[address];
            }
        }
        sum
    }
}

/// Physics that looks at a copy of its data; gets its own data back when this is dropped, also when whoever looks
/// panics.
struct Aside<'a> {
    physics: &'a mut Physics,
    /// The data itself, and whether all of it is derived.
    kept: (NonNull<mj::mjData>, bool),
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        let copy = std::mem::replace(&mut self.physics.data, self.kept.0);
        self.physics.derived = self.kept.1;
        // SAFETY: the copy was made for this value, and is deleted once.
        unsafe { mj::mj_deleteData(copy.as_ptr()) }
    }
}

/// True if mocap bodies touch nothing but welds, and the model is stepped by the plain integrator without anything
/// that looks at positions besides bodies and joints: so it is in all of MetaWorld's models.
fn has_inert_mocap(model: &mj::mjModel) -> bool {
    let others = [model.nsensor, model.ntendon, model.nplugin, model.nflex];
    let plain = others.iter().all(|&count| count == 0);
    let euler = model.opt.integrator == mj::mjtIntegrator::mjINT_EULER as c_int;
    let collides = |geom: usize| {
        // SAFETY: arrays of one number per geom and per body.
        unsafe {
            let body = *model.geom_bodyid.add(geom) as usize;
            let is_mocap = *model.body_mocapid.add(body) >= 0;
            is_mocap && (*model.geom_contype.add(geom) != 0 || *model.geom_conaffinity.add(geom) != 0)
        }
    };
    plain && euler && !(0..model.ngeom as usize).any(collides)
}

/// True if one of the warnings means that the state is no longer physics.
pub(crate) fn is_unstable(warnings: u32) -> bool {
    warnings & UNSTABLE != 0
}

/// Borrows `len` elements of a C array, which may be null when empty.
///
/// # Safety
/// `start` points at `len` elements that outlive the borrow.
unsafe fn slice<'a, T>(start: *const T, len: usize) -> &'a [T] {
    if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(start, len) } }
}

/// Sends MuJoCo's messages our way: warnings are counted in the data and need no file or line on the terminal; an
/// error, after which MuJoCo ends the process, says so first.
fn route_messages() {
    static ROUTED: Once = Once::new();
    // SAFETY: every use of MuJoCo starts by compiling a model, and that waits for this call.
    ROUTED.call_once(|| unsafe { mujoco_rs::logging::set_log_handler(report) });
}

fn report(message: &MjLogMessage) {
    #[cfg(feature = "gl")]
    if message.level() == MjtLogLevel::mjLOG_WARNING {
        gl::warned(message.subject());
    }
    if message.level() == MjtLogLevel::mjLOG_ERROR {
        eprintln!("kinitro: MuJoCo cannot go on: {}", message.subject());
    }
}

/// Version of the loaded library, for example `3.17.0`.
pub(crate) fn library_version() -> String {
    // SAFETY: a constant string of the library.
    unsafe { CStr::from_ptr(mj::mj_versionString()) }.to_string_lossy().into_owned()
}

/// sin(angle / 2), computed by the loaded library with whatever `sin` it was given.
pub(crate) fn library_half_angle_sine(angle: f64) -> f64 {
    let mut quaternion = [0.0; 4];
    // SAFETY: plain arrays of the lengths that the function takes.
    unsafe { mj::mju_axisAngle2Quat(&mut quaternion, &[1.0, 0.0, 0.0], angle) };
    quaternion[1]
}

/// What the dynamic linker knows about an address (`Dl_info` of dlfcn.h).
#[repr(C)]
struct DlInfo {
    file: *const c_char,
    base: *mut c_void,
    symbol: *const c_char,
    address: *mut c_void,
}

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
    fn dladdr(address: *const c_void, info: *mut DlInfo) -> c_int;
}

/// The address to which the dynamic linker binds `symbol` for libraries such as libmujoco; 0 if there is none.
pub(crate) fn bound_address(symbol: &CStr) -> usize {
    // SAFETY: a null handle is RTLD_DEFAULT, the search order of the whole program.
    unsafe { dlsym(ptr::null_mut(), symbol.as_ptr()) as usize }
}

/// The file from which libmujoco was loaded.
pub(crate) fn library_file() -> Option<std::path::PathBuf> {
    let mut info = DlInfo { file: ptr::null(), base: ptr::null_mut(), symbol: ptr::null(), address: ptr::null_mut() };
    // SAFETY: the address is a function of the library; the linker's string lives as long as the library.
    unsafe {
        let found = dladdr(bound_address(c"mj_step") as *const c_void, &mut info);
        (found != 0 && !info.file.is_null()).then(|| CStr::from_ptr(info.file).to_string_lossy().into_owned().into())
    }
}
