//! A GL context without a window.

use std::ffi::{CStr, c_char, c_void};
use std::fmt;
use std::mem::transmute;
use std::ptr;
use std::sync::OnceLock;

use khronos_egl as egl;

use super::opengl::Functions;
use crate::domain::{GlDriver, printable};

type Egl = egl::DynamicInstance<egl::EGL1_4>;

/// Flags of `dlopen`: all symbols now, and for everybody, since MuJoCo looks for `eglGetProcAddress` in the whole process.
const RTLD_NOW_GLOBAL: i32 = 0x2 | 0x100;

/// `EGL_PLATFORM_DEVICE_EXT` of EGL_EXT_platform_device.
const PLATFORM_DEVICE: egl::Enum = 0x313f;

/// Most devices that are tried.
const MAX_DEVICES: usize = 16;

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

/// How MuJoCo's Python is told the number of a device, and this program too.
const DEVICE_VARIABLE: &str = "MUJOCO_EGL_DEVICE_ID";

/// The extension by which EGL lists devices, and the older one that it is a part of.
const LISTING: [&str; 2] = ["EGL_EXT_device_enumeration", "EGL_EXT_device_base"];

/// `EGL_DRM_DEVICE_FILE_EXT` of EGL_EXT_device_drm.
const DRM_DEVICE_FILE: egl::Int = 0x3233;

/// Makes a context on a device and makes it the calling thread's, for as long as the process lives. `choice` is the device's number
/// in EGL's list, as text; without it, the first device that can do it is taken, and the default display where none can. A call that
/// failed leaves nothing behind.
///
/// # Errors
/// No EGL, no device of that number, or none with OpenGL; in the system's words.
pub(super) fn begin(choice: Option<&str>) -> Result<(GlDriver, Functions), String> {
    let egl = library()?;
    let listed = Listed::of(egl);
    let Some(choice) = choice else { return begin_on_any(egl, listed.as_ref()) };
    let device = choice.trim().parse::<usize>().ok().zip(listed.as_ref());
    match device.and_then(|(number, listed)| Some((listed, listed.devices.get(number)?))) {
        Some((listed, device)) => listed.display(device).and_then(|display| begin_on(egl, display)),
        None => Err(format!(
            "{DEVICE_VARIABLE} is {:?}, but must be the number of one of EGL's devices; it lists {}",
            printable(choice, 20),
            listed.map_or_else(|| "none".to_owned(), |listed| listed.names())
        )),
    }
}

fn begin_on_any(egl: &Egl, listed: Option<&Listed>) -> Result<(GlDriver, Functions), String> {
    let mut reasons = Vec::new();
    for (listed, device) in listed.into_iter().flat_map(|listed| listed.devices.iter().map(move |d| (listed, d))) {
        match listed.display(device).and_then(|display| begin_on(egl, display)) {
            Ok(begun) => return Ok(begun),
            Err(reason) => reasons.push(format!("{device}: {reason}")),
        }
    }
    // SAFETY: the default display is no pointer to anything of ours.
    let default = unsafe { egl.get_display(egl::DEFAULT_DISPLAY) }.ok_or_else(|| "there is none".to_owned());
    default.and_then(|display| begin_on(egl, display)).map_err(|reason| {
        reasons.push(format!("default display: {reason}"));
        reasons.join("; ")
    })
}

/// libEGL, which the first call that can loads.
fn library() -> Result<&'static Egl, String> {
    static LIBRARY: OnceLock<Egl> = OnceLock::new();
    if let Some(egl) = LIBRARY.get() {
        return Ok(egl);
    }
    // SAFETY: libEGL's initialisers may run on any thread.
    let library = unsafe { libloading::os::unix::Library::open(Some("libEGL.so.1"), RTLD_NOW_GLOBAL) };
    let library = libloading::Library::from(library.map_err(|error| error.to_string())?);
    // SAFETY: the library is EGL, by its name. It is never unloaded: EGL keeps threads and memory of its own.
    let egl = unsafe { Egl::load_required_from(library) }.map_err(|error| format!("libEGL is too old: {error:?}"))?;
    Ok(LIBRARY.get_or_init(|| egl))
}

type QueryDevices = unsafe extern "system" fn(egl::Int, *mut *mut c_void, *mut egl::Int) -> egl::Boolean;
type QueryDeviceString = unsafe extern "system" fn(*mut c_void, egl::Int) -> *const c_char;
type PlatformDisplay = unsafe extern "system" fn(egl::Enum, *mut c_void, *const egl::Int) -> egl::EGLDisplay;

/// A device that EGL lists.
struct Device {
    number: usize,
    handle: *mut c_void,
    /// Its file, or another word for it.
    name: String,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.number, self.name)
    }
}

/// EGL's list of devices, and the way from one to its display.
struct Listed {
    devices: Vec<Device>,
    open: PlatformDisplay,
}

impl Listed {
    /// `None` where EGL keeps no list.
    fn of(egl: &Egl) -> Option<Listed> {
        let extensions = egl.query_string(None, egl::EXTENSIONS).ok()?.to_string_lossy().into_owned();
        let has = |wanted: &&str| extensions.split(' ').any(|extension| extension == *wanted);
        if !LISTING.iter().any(has) {
            return None;
        }
        let function = |name| egl.get_proc_address(name);
        let (query, open) = (function("eglQueryDevicesEXT")?, function("eglGetPlatformDisplayEXT")?);
        let describe = function("eglQueryDeviceStringEXT");
        let (mut handles, mut count) = ([ptr::null_mut(); MAX_DEVICES], 0);
        // SAFETY: these are the types of the functions in the extensions; EGL writes no more devices than there is room for.
        let (open, describe) = unsafe {
            let query = transmute::<extern "system" fn(), QueryDevices>(query);
            if query(MAX_DEVICES as egl::Int, handles.as_mut_ptr(), &mut count) != egl::TRUE {
                return None;
            }
            let describe = describe.map(|describe| transmute::<extern "system" fn(), QueryDeviceString>(describe));
            (transmute::<extern "system" fn(), PlatformDisplay>(open), describe)
        };
        let found = handles.iter().take(usize::try_from(count).unwrap_or(0)).enumerate();
        let device = |(number, handle): (usize, &*mut c_void)| {
            let name = describe.map_or_else(|| "no name".to_owned(), |describe| device_name(describe, *handle));
            Device { number, handle: *handle, name }
        };
        Some(Listed { devices: found.map(device).collect(), open })
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.devices.iter().map(ToString::to_string).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    fn display(&self, device: &Device) -> Result<egl::Display, String> {
        // SAFETY: the device is one of the list, and the attributes may be null.
        let display = unsafe { (self.open)(PLATFORM_DEVICE, device.handle, ptr::null()) };
        if display.is_null() {
            return Err("EGL makes no display of it".to_owned());
        }
        // SAFETY: it is a display, not null.
        Ok(unsafe { egl::Display::from_ptr(display) })
    }
}

/// What a device calls itself.
fn device_name(describe: QueryDeviceString, device: *mut c_void) -> String {
    let ask = |what: egl::Int| {
        // SAFETY: the device is one of EGL's; its strings end with a zero and live as long as it, or are null.
        unsafe {
            let words = describe(device, what);
            (!words.is_null()).then(|| CStr::from_ptr(words).to_string_lossy().into_owned())
        }
    };
    let extensions = ask(egl::EXTENSIONS).unwrap_or_default();
    let has = |wanted: &str| extensions.split(' ').any(|extension| extension == wanted);
    if has("EGL_MESA_device_software") {
        return "drawing on the CPU".to_owned();
    }
    let file = has("EGL_EXT_device_drm").then(|| ask(DRM_DEVICE_FILE)).flatten();
    let other = || if has("EGL_NV_device_cuda") { "CUDA" } else { "no name" }.to_owned();
    file.map_or_else(other, |file| printable(&file, 60))
}

fn begin_on(egl: &Egl, display: egl::Display) -> Result<(GlDriver, Functions), String> {
    let words = |error: egl::Error| error.to_string();
    egl.initialize(display).map_err(words)?;
    let made = (|| {
        egl.bind_api(egl::OPENGL_API).map_err(words)?;
        let config = egl.choose_first_config(display, &CONFIG).map_err(words)?;
        let config = config.ok_or("the device draws no OpenGL pictures of 8 bits a colour")?;
        let context = egl.create_context(display, config, None, &[egl::NONE]).map_err(words)?;
        egl.make_current(display, None, None, Some(context)).map_err(words)?;
        let functions = Functions::load(|name| egl.get_proc_address(name))?;
        functions.check_versions()?;
        Ok((functions.driver()?, functions))
    })();
    if made.is_err() {
        // It is given back so that the next device can be tried; that this fails as well changes nothing.
        let _ = egl.make_current(display, None, None, None).and_then(|()| egl.terminate(display));
    }
    made
}
