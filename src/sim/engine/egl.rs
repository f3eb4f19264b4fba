//! A GL context without a window.

use std::ffi::{CStr, c_char};
use std::ptr;

use khronos_egl as egl;

use crate::domain::{GlDriver, GlName};

type Egl = egl::DynamicInstance<egl::EGL1_4>;

/// Flags of `dlopen`: all symbols now, and for everybody, since MuJoCo looks for `eglGetProcAddress` in the whole process.
const RTLD_NOW_GLOBAL: i32 = 0x2 | 0x100;

/// `EGL_PLATFORM_DEVICE_EXT` of EGL_EXT_platform_device.
const PLATFORM_DEVICE: egl::Enum = 0x313f;

/// Most devices that are tried.
const MAX_DEVICES: usize = 16;

/// `GL_VENDOR`, `GL_RENDERER` and `GL_VERSION`.
const NAMES: [u32; 3] = [0x1f00, 0x1f01, 0x1f02];

/// What MuJoCo draws with; what it draws into is a buffer of its own.
const CONFIG: [egl::Int; 19] = [
    egl::RED_SIZE,
    8,
    egl::GREEN_SIZE,
    8,
    egl::BLUE_SIZE,
    8,
    egl::ALPHA_SIZE,
    8,
    egl::DEPTH_SIZE,
    24,
    egl::STENCIL_SIZE,
    8,
    egl::COLOR_BUFFER_TYPE,
    egl::RGB_BUFFER,
    egl::SURFACE_TYPE,
    egl::PBUFFER_BIT,
    egl::RENDERABLE_TYPE,
    egl::OPENGL_BIT,
    egl::NONE,
];

/// Makes a context on the first device that has one, and makes it the calling thread's, for as long as the process lives.
///
/// # Errors
/// No EGL, or no device with OpenGL; in the system's words.
pub(super) fn begin() -> Result<GlDriver, String> {
    // SAFETY: libEGL's initialisers may run on any thread, and it is never unloaded: EGL keeps threads and memory of its own.
    let library = unsafe { libloading::os::unix::Library::open(Some("libEGL.so.1"), RTLD_NOW_GLOBAL) };
    let library = libloading::Library::from(library.map_err(|error| error.to_string())?);
    // SAFETY: the library is EGL, by its name.
    let egl = unsafe { Egl::load_required_from(library) }.map_err(|error| format!("libEGL is too old: {error:?}"))?;
    let egl: &'static Egl = Box::leak(Box::new(egl));
    let mut reason = "EGL knows no device".to_owned();
    for display in displays(egl) {
        match begin_on(egl, display) {
            Ok(driver) => return Ok(driver),
            Err(error) => reason = error,
        }
    }
    Err(reason)
}

/// Every device as a display, or else the default display.
fn displays(egl: &Egl) -> Vec<egl::Display> {
    let devices = devices(egl);
    if devices.is_empty() {
        // SAFETY: the default display is no pointer to anything of ours.
        return unsafe { egl.get_display(egl::DEFAULT_DISPLAY) }.into_iter().collect();
    }
    devices
}

/// The devices of EGL_EXT_device_enumeration as displays; none where EGL lacks it.
fn devices(egl: &Egl) -> Vec<egl::Display> {
    type QueryDevices = unsafe extern "system" fn(egl::Int, *mut *mut std::ffi::c_void, *mut egl::Int) -> egl::Boolean;
    type PlatformDisplay =
        unsafe extern "system" fn(egl::Enum, *mut std::ffi::c_void, *const egl::Int) -> egl::EGLDisplay;
    let (Some(query), Some(open)) =
        (egl.get_proc_address("eglQueryDevicesEXT"), egl.get_proc_address("eglGetPlatformDisplayEXT"))
    else {
        return Vec::new();
    };
    let (mut devices, mut count) = ([ptr::null_mut(); MAX_DEVICES], 0);
    // SAFETY: these are the types of the two functions in the extensions; EGL writes no more devices than there is room for,
    // and a null display is no display.
    unsafe {
        let query = std::mem::transmute::<extern "system" fn(), QueryDevices>(query);
        let open = std::mem::transmute::<extern "system" fn(), PlatformDisplay>(open);
        if query(MAX_DEVICES as egl::Int, devices.as_mut_ptr(), &mut count) != egl::TRUE {
            return Vec::new();
        }
        let found = devices.iter().take(usize::try_from(count).unwrap_or(0));
        let displays = found.map(|device| open(PLATFORM_DEVICE, *device, ptr::null()));
        displays.filter(|display| !display.is_null()).map(|display| egl::Display::from_ptr(display)).collect()
    }
}

fn begin_on(egl: &Egl, display: egl::Display) -> Result<GlDriver, String> {
    let words = |error: egl::Error| error.to_string();
    egl.initialize(display).map_err(words)?;
    let made = (|| {
        egl.bind_api(egl::OPENGL_API).map_err(words)?;
        let config = egl.choose_first_config(display, &CONFIG).map_err(words)?;
        let config = config.ok_or("the device draws no OpenGL pictures of 8 bits a colour")?;
        let context = egl.create_context(display, config, None, &[egl::NONE]).map_err(words)?;
        egl.make_current(display, None, None, Some(context)).map_err(words)?;
        driver(egl)
    })();
    if made.is_err() {
        // It is given back so that the next device can be tried; that this fails as well changes nothing.
        let _ = egl.make_current(display, None, None, None).and_then(|()| egl.terminate(display));
    }
    made
}

/// How the driver of the calling thread's context names itself.
fn driver(egl: &Egl) -> Result<GlDriver, String> {
    type GetString = unsafe extern "system" fn(u32) -> *const c_char;
    let get = egl.get_proc_address("glGetString").ok_or("EGL does not know glGetString")?;
    // SAFETY: this is the function's type; its strings end with a zero and live as long as the context.
    let names = NAMES.map(|name| unsafe {
        let get = std::mem::transmute::<extern "system" fn(), GetString>(get);
        let words = get(name);
        (!words.is_null()).then(|| GlName::of(&CStr::from_ptr(words).to_string_lossy()))
    });
    match names {
        [Some(vendor), Some(renderer), Some(driver)] => Ok(GlDriver { vendor, renderer, driver }),
        _ => Err("the context does not name its driver".to_owned()),
    }
}
