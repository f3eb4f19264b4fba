//! MuJoCo's own renderer.
//!
//! A GL context belongs to one thread, so one thread draws for the whole process. Nothing else runs on it: a GL driver may
//! change how its thread rounds numbers, and no physics must see that.

use std::mem::MaybeUninit;
use std::os::raw::c_int;
use std::ptr;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, OnceLock, Weak};

use mujoco_rs::mujoco_c as mj;

use super::{Model, Physics, Visualiser, egl};
use crate::domain::{GlDriver, Marks};
use crate::sim::camera::widened;
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

/// The darkroom, which the first call opens.
///
/// # Errors
/// [`SimError::Gl`], then each time.
fn darkroom() -> Result<&'static Darkroom, SimError> {
    static DARKROOM: OnceLock<Result<Darkroom, String>> = OnceLock::new();
    DARKROOM.get_or_init(open).as_ref().map_err(|reason| SimError::Gl { reason: reason.clone() })
}

fn open() -> Result<Darkroom, String> {
    let (orders, inbox) = channel();
    let (ready, opened) = sync_channel(1);
    let work = move || {
        let driver = egl::begin();
        let is_open = driver.is_ok();
        if ready.send(driver).is_ok() && is_open {
            draw_orders(&inbox);
        }
    };
    // The bytes of a picture do not depend on which thread draws it or when.
    std::thread::Builder::new().name("mujoco-gl".into()).spawn(work).map_err(|error| error.to_string())?;
    let driver = opened.recv().map_err(|_| "the thread that draws has ended".to_owned())??;
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
    /// [`SimError::Gl`].
    pub(crate) fn photograph(
        &mut self,
        physics: &mut Physics,
        camera: usize,
        marks: Marks,
        fov_factor: f64,
        [width, height]: [u32; 2],
    ) -> Result<Vec<u8>, SimError> {
        self.update(physics, camera, marks);
        if fov_factor != 1.0 {
            for eye in &mut self.scene.camera {
                eye.frustum_bottom = widened(eye.frustum_near, eye.frustum_bottom, fov_factor);
                eye.frustum_top = widened(eye.frustum_near, eye.frustum_top, fov_factor);
            }
        }
        let failed = |reason: &str| SimError::Gl { reason: reason.to_owned() };
        let (picture, drawn) = sync_channel(1);
        let scene = Scene(&mut *self.scene);
        let order = Order { model: Arc::clone(physics.model()), scene, width, height, picture };
        darkroom()?.orders.send(order).map_err(|_| failed("the thread that draws has ended"))?;
        let rows = drawn.recv().map_err(|_| failed("the thread that draws has ended"))?;
        let rows = rows.map_err(|reason| failed(&reason))?;
        // OpenGL's first row is the lowest.
        Ok(rows.rchunks_exact(width as usize * 3).flatten().copied().collect())
    }
}

fn draw_orders(inbox: &Receiver<Order>) {
    let mut contexts = Contexts(Vec::new());
    for Order { model, scene, width, height, picture } in inbox {
        let drawn = contexts.of(&model).draw(scene.0, width, height);
        // Whoever no longer waits has no use for the picture.
        let _ = picture.send(drawn);
    }
}

/// What was made ready of each model, the least recently used first.
struct Contexts(Vec<(Weak<Model>, Context)>);

impl Contexts {
    fn of(&mut self, model: &Arc<Model>) -> &mut Context {
        let place = self.0.iter().position(|(known, _)| ptr::eq(known.as_ptr(), Arc::as_ptr(model)));
        let entry = match place {
            Some(place) => self.0.remove(place),
            None => {
                self.0.retain(|(known, _)| known.strong_count() > 0);
                let excess = (self.0.len() + 1).saturating_sub(MAX_CONTEXTS);
                self.0.drain(..excess);
                (Arc::downgrade(model), Context::new(model))
            }
        };
        self.0.push(entry);
        &mut self.0.last_mut().expect("one was pushed").1
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
    fn new(model: &Model) -> Context {
        let mut context = Box::new(MaybeUninit::<mj::mjrContext>::zeroed());
        // SAFETY: MuJoCo fills the structure before it is read; a GL context is current on this thread.
        unsafe {
            mj::mjr_defaultContext(context.as_mut_ptr());
            mj::mjr_makeContext(model.raw(), context.as_mut_ptr(), mj::mjtFontScale::mjFONTSCALE_100 as c_int);
            Context(context.assume_init())
        }
    }

    /// Draws a scene of the model: rows from bottom to top.
    fn draw(&mut self, scene: *mut mj::mjvScene, width: u32, height: u32) -> Result<Vec<u8>, String> {
        let view = mj::mjrRect { left: 0, bottom: 0, width: width as c_int, height: height as c_int };
        let mut rgb = vec![0; width as usize * height as usize * 3];
        let context = &mut *self.0;
        // SAFETY: the context is of the scene's model and of this thread; the scene is lent; `rgb` has the size of `view`, in
        // which MuJoCo puts no gaps between rows.
        let error = unsafe {
            if context.offWidth < view.width || context.offHeight < view.height {
                let larger = [context.offWidth.max(view.width), context.offHeight.max(view.height)];
                mj::mjr_resizeOffscreen(larger[0], larger[1], context);
            }
            mj::mjr_setBuffer(mj::mjtFramebuffer::mjFB_OFFSCREEN as c_int, context);
            mj::mjr_render(view, scene, context);
            mj::mjr_readPixels(rgb.as_mut_ptr(), ptr::null_mut(), view, context);
            mj::mjr_getError()
        };
        if error == 0 { Ok(rgb) } else { Err(format!("OpenGL reports error {error:#06x}")) }
    }
}
