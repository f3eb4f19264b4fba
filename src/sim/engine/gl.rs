//! MuJoCo's own renderer.
//!
//! A GL context belongs to one thread, so one thread draws for the whole process. Nothing else runs on it: a GL driver may
//! change how its thread rounds numbers, and no physics must see that.
//!
//! Where MuJoCo cannot have a buffer or a function of GL, it ends the process. So each is asked for beforehand
//! ([`Functions`]), and whatever is missing is an error of the picture alone.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::os::raw::c_int;
use std::ptr;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use mujoco_rs::mujoco_c as mj;

use super::opengl::{Functions, Needs};
use super::{Model, Physics, Visualiser, egl};
use crate::domain::{GlDriver, Marks};
use crate::sim::camera::{TextureKind, widened};
use crate::sim::error::SimError;

/// Most models whose meshes and textures are kept with the driver: all fifty of MetaWorld, and a bound all the same.
const MAX_CONTEXTS: usize = 64;

/// The thread that draws.
struct Darkroom {
    driver: GlDriver,
    orders: Sender<Order>,
}

/// A picture to be drawn.
struct Order {
    model: Arc<Model>,
    scene: Scene,
    width: u32,
    height: u32,
    /// Gets the rows from bottom to top.
    picture: SyncSender<Result<Vec<u8>, String>>,
}

/// A scene that whoever ordered the picture lends until it is there.
struct Scene(*mut mj::mjvScene);

// SAFETY: the lender waits for the picture and touches the scene no sooner.
unsafe impl Send for Scene {}

/// What a picture that was ordered from a thread that is no more is told.
const ENDED: &str = "the thread that draws has ended";

/// The device that draws, as a number of EGL's list; none for the first that can.
static DEVICE: Mutex<Option<String>> = Mutex::new(None);
/// The open darkroom. What could not be opened is tried again by the next call.
static DARKROOM: Mutex<Option<Arc<Darkroom>>> = Mutex::new(None);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Chooses the device that draws, by its number in EGL's list, as text; `None` for the first that can. Counts until a device
/// has been opened.
pub(crate) fn choose_device(number: Option<&str>) {
    *locked(&DEVICE) = number.map(str::to_owned);
}

/// The darkroom, which the first call that can opens.
///
/// # Errors
/// [`SimError::Gl`].
fn darkroom() -> Result<Arc<Darkroom>, SimError> {
    let mut darkroom = locked(&DARKROOM);
    if let Some(open) = &*darkroom {
        return Ok(Arc::clone(open));
    }
    let device = locked(&DEVICE).clone();
    let open = open(device).and_then(same_driver).map_err(|reason| SimError::Gl { reason })?;
    let open = Arc::new(open);
    *darkroom = Some(Arc::clone(&open));
    Ok(open)
}

/// Lets the next picture open another darkroom: the thread of this one has ended.
fn close(ended: &Arc<Darkroom>) -> SimError {
    let mut darkroom = locked(&DARKROOM);
    if darkroom.as_ref().is_some_and(|open| Arc::ptr_eq(open, ended)) {
        *darkroom = None;
    }
    SimError::Gl { reason: ENDED.to_owned() }
}

/// A darkroom whose driver is that of the first one of the process: recordings name the driver when they begin.
fn same_driver(darkroom: Darkroom) -> Result<Darkroom, String> {
    static FIRST: OnceLock<GlDriver> = OnceLock::new();
    let first = FIRST.get_or_init(|| darkroom.driver.clone());
    if *first == darkroom.driver {
        return Ok(darkroom);
    }
    Err(format!("the driver was {first} when this program began and is {} now: start it again", darkroom.driver))
}

fn open(device: Option<String>) -> Result<Darkroom, String> {
    let (orders, inbox) = channel();
    let (ready, opened) = sync_channel(1);
    let work = move || match egl::begin(device.as_deref()) {
        Ok((driver, functions)) => {
            if ready.send(Ok(driver)).is_ok() {
                draw_orders(&inbox, &functions);
            }
        }
        Err(reason) => {
            // Whoever no longer waits has no use for the reason.
            let _ = ready.send(Err(reason));
        }
    };
    // The bytes of a picture do not depend on which thread draws it or when.
    std::thread::Builder::new().name("mujoco-gl".into()).spawn(work).map_err(|error| error.to_string())?;
    let driver = opened.recv().map_err(|_| ENDED.to_owned())??;
    Ok(Darkroom { driver, orders })
}

/// The driver that draws here.
///
/// # Errors
/// [`SimError::Gl`].
pub(crate) fn driver() -> Result<GlDriver, SimError> {
    darkroom().map(|darkroom| darkroom.driver.clone())
}

impl Visualiser {
    /// What MuJoCo's renderer makes of an episode, seen through a camera of its model whose vertical field of view is
    /// multiplied by `fov_factor`: `width` × `height` pixels of three bytes (red, green, blue), row 0 on top. What MuJoCo
    /// derives from positions must be up to date.
    ///
    /// # Errors
    /// [`SimError::Gl`]; [`SimError::SceneFull`].
    pub(crate) fn photograph(
        &mut self,
        physics: &mut Physics,
        camera: usize,
        marks: Marks,
        fov_factor: f64,
        [width, height]: [u32; 2],
    ) -> Result<Vec<u8>, SimError> {
        self.update(physics, camera, marks)?;
        if fov_factor != 1.0 {
            for eye in &mut self.scene.camera {
                eye.frustum_bottom = widened(eye.frustum_near, eye.frustum_bottom, fov_factor);
                eye.frustum_top = widened(eye.frustum_near, eye.frustum_top, fov_factor);
            }
        }
        let (picture, drawn) = sync_channel(1);
        let scene = Scene(&mut *self.scene);
        let order = Order { model: Arc::clone(physics.model()), scene, width, height, picture };
        let darkroom = darkroom()?;
        darkroom.orders.send(order).map_err(|_| close(&darkroom))?;
        let rows = drawn.recv().map_err(|_| close(&darkroom))?;
        let rows = rows.map_err(|reason| SimError::Gl { reason })?;
        // OpenGL's first row is the lowest.
        Ok(rows.rchunks_exact(width as usize * 3).flatten().copied().collect())
    }
}

fn draw_orders(inbox: &Receiver<Order>, functions: &Functions) {
    WARNINGS.set(Some(Vec::new()));
    let mut contexts = Contexts(Vec::new());
    for Order { model, scene, width, height, picture } in inbox {
        let drawn = contexts.of(&model, functions).and_then(|context| context.draw(functions, scene.0, width, height));
        if drawn.is_err() {
            // What failed once may be half made.
            contexts.forget(&model);
        }
        // Whoever no longer waits has no use for the picture.
        let _ = picture.send(drawn);
    }
}

thread_local! {
    /// What MuJoCo has warned of on the thread that draws; none on other threads.
    static WARNINGS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Takes note of a warning of MuJoCo's: while it makes a context ready, GL's errors come as such.
pub(super) fn warned(subject: &str) {
    WARNINGS.with_borrow_mut(|warnings| {
        if let Some(warnings) = warnings {
            warnings.push(subject.to_owned());
        }
    });
}

/// What MuJoCo has warned of since the last call.
fn warnings() -> Vec<String> {
    WARNINGS.with_borrow_mut(|warnings| warnings.as_mut().map(std::mem::take).unwrap_or_default())
}

/// What was made ready of each model, the least recently used first.
struct Contexts(Vec<(Weak<Model>, Context)>);

impl Contexts {
    fn place(&self, model: &Arc<Model>) -> Option<usize> {
        self.0.iter().position(|(known, _)| ptr::eq(known.as_ptr(), Arc::as_ptr(model)))
    }

    fn of(&mut self, model: &Arc<Model>, functions: &Functions) -> Result<&mut Context, String> {
        let entry = match self.place(model) {
            Some(place) => self.0.remove(place),
            None => {
                self.0.retain(|(known, _)| known.strong_count() > 0);
                let excess = (self.0.len() + 1).saturating_sub(MAX_CONTEXTS);
                self.0.drain(..excess);
                (Arc::downgrade(model), Context::new(model, functions)?)
            }
        };
        self.0.push(entry);
        Ok(&mut self.0.last_mut().expect("one was pushed").1)
    }

    fn forget(&mut self, model: &Arc<Model>) {
        if let Some(place) = self.place(model) {
            self.0.remove(place);
        }
    }
}

/// A model's meshes and textures with the driver, and buffers to draw into. Lives on the drawing thread.
struct Context(Box<mj::mjrContext>);

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by mjr_makeContext on this thread, freed once.
        unsafe { mj::mjr_freeContext(&mut *self.0) }
    }
}

impl Context {
    /// Gives the driver what it needs of a model.
    ///
    /// # Errors
    /// What the driver lacks or reports.
    fn new(model: &Model, functions: &Functions) -> Result<Context, String> {
        functions.rehearse(&needs(model))?;
        warnings();
        let mut context = Box::new(MaybeUninit::<mj::mjrContext>::zeroed());
        // SAFETY: MuJoCo fills the structure before it is read; a GL context is current on this thread.
        let context = unsafe {
            mj::mjr_defaultContext(context.as_mut_ptr());
            mj::mjr_makeContext(model.raw(), context.as_mut_ptr(), mj::mjtFontScale::mjFONTSCALE_100 as c_int);
            Context(context.assume_init())
        };
        functions.check_errors()?;
        match warnings().first() {
            Some(warning) => Err(warning.clone()),
            None => Ok(context),
        }
    }

    /// Draws a scene of the model: rows from bottom to top.
    fn draw(
        &mut self,
        functions: &Functions,
        scene: *mut mj::mjvScene,
        width: u32,
        height: u32,
    ) -> Result<Vec<u8>, String> {
        let view = mj::mjrRect { left: 0, bottom: 0, width: width as c_int, height: height as c_int };
        let mut rgb = vec![0; width as usize * height as usize * 3];
        let context = &mut *self.0;
        if context.offWidth < view.width || context.offHeight < view.height {
            let (width, height) = (context.offWidth.max(view.width), context.offHeight.max(view.height));
            let samples = context.offSamples;
            functions.rehearse(&Needs { width, height, samples, shadow: 0, texture: 0, cube: 0 })?;
            // SAFETY: the context is of this thread.
            unsafe { mj::mjr_resizeOffscreen(width, height, context) }
        }
        // SAFETY: the context is of the scene's model and of this thread; the scene is lent; `rgb` has the size of `view`, in
        // which MuJoCo puts no gaps between rows.
        unsafe {
            mj::mjr_setBuffer(mj::mjtFramebuffer::mjFB_OFFSCREEN as c_int, context);
            mj::mjr_render(view, scene, context);
            mj::mjr_readPixels(rgb.as_mut_ptr(), ptr::null_mut(), view, context);
        }
        functions.check_errors().map(|()| rgb)
    }
}

/// What MuJoCo will ask a context for to draw a model.
fn needs(model: &Model) -> Needs {
    let (raw, textures) = (model.raw(), model.textures());
    let side = |is_flat: bool| {
        let sides = textures.iter().filter(|texture| (texture.kind == TextureKind::Flat) == is_flat);
        // The height of a cube's texture is that of all its faces, one below the other.
        let longest =
            sides.map(|texture| if is_flat { texture.width.max(texture.height) } else { texture.width }).max();
        c_int::try_from(longest.unwrap_or(0)).unwrap_or(c_int::MAX)
    };
    Needs {
        width: raw.vis.global.offwidth,
        height: raw.vis.global.offheight,
        samples: raw.vis.quality.offsamples,
        shadow: raw.vis.quality.shadowsize,
        texture: side(true),
        cube: side(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The functions of a context of this thread; `None` after saying why there is none.
    fn functions() -> Option<Functions> {
        match egl::begin(None) {
            Ok((_, functions)) => Some(functions),
            Err(reason) => {
                assert_ne!(std::env::var_os("KINITRO_REQUIRE_GL"), Some("1".into()), "no GL driver: {reason}");
                println!("skipped: {reason}");
                None
            }
        }
    }

    #[test]
    fn what_a_driver_cannot_do_is_an_error_and_not_the_end_of_the_process() {
        let Some(functions) = functions() else { return };
        let needs = Needs { width: 640, height: 480, samples: 4, shadow: 1024, texture: 512, cube: 512 };
        assert_eq!(functions.rehearse(&needs), Ok(()));
        let told = |needs| functions.rehearse(&needs).unwrap_err();
        let huge = 1 << 24;
        assert!(told(Needs { width: huge, ..needs }).contains("pictures of 16777216 pixels are needed"));
        assert!(told(Needs { shadow: huge, ..needs }).starts_with("shadow maps of"));
        assert!(told(Needs { texture: huge, ..needs }).starts_with("textures of"));
        assert!(told(Needs { cube: huge, ..needs }).starts_with("cube textures of"));
        assert!(told(Needs { width: 0, ..needs }).contains("the buffer for pictures"));
        assert!(told(Needs { height: -1, ..needs }).contains("the buffer for pictures"));
        assert_eq!(functions.rehearse(&needs), Ok(()), "what failed leaves nothing behind");
    }

    #[test]
    fn warnings_are_heard_on_the_thread_that_draws_alone() {
        warned("nobody listens");
        assert_eq!(warnings(), [""; 0]);
        WARNINGS.set(Some(Vec::new()));
        warned("OpenGL error 0x505");
        assert_eq!(warnings(), ["OpenGL error 0x505"]);
        assert_eq!(warnings(), [""; 0]);
        std::thread::spawn(|| assert_eq!(warnings(), [""; 0])).join().unwrap();
    }
}
