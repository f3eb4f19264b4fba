//! What a GL context can do, asked before MuJoCo relies on it: where something is missing, MuJoCo ends the process.

use std::ffi::{CStr, c_char, c_void};
use std::mem::transmute;
use std::ptr;

use crate::domain::{GlDriver, GlName};

/// `GL_VENDOR`, `GL_RENDERER` and `GL_VERSION`.
const NAMES: [u32; 3] = [0x1f00, 0x1f01, 0x1f02];
const EXTENSIONS: u32 = 0x1f03;

const MAX_TEXTURE_SIZE: u32 = 0x0d33;
const MAX_CUBE_MAP_TEXTURE_SIZE: u32 = 0x851c;
const MAX_RENDERBUFFER_SIZE: u32 = 0x84e8;
const MAX_SAMPLES: u32 = 0x8d57;

const FRAMEBUFFER: u32 = 0x8d40;
const RENDERBUFFER: u32 = 0x8d41;
const COLOR_ATTACHMENT: u32 = 0x8ce0;
const DEPTH_ATTACHMENT: u32 = 0x8d00;
const DEPTH_STENCIL_ATTACHMENT: u32 = 0x821a;
const FRAMEBUFFER_COMPLETE: u32 = 0x8cd5;
/// The status of framebuffer 0 in a context without a window.
const FRAMEBUFFER_UNDEFINED: u32 = 0x8219;

const RGBA8: u32 = 0x8058;
const DEPTH24_STENCIL8: u32 = 0x88f0;
const DEPTH32F_STENCIL8: u32 = 0x8cad;
const DEPTH_STENCIL: u32 = 0x84f9;
const UNSIGNED_INT_24_8: u32 = 0x84fa;
const TEXTURE_2D: u32 = 0x0de1;
const NONE: u32 = 0;

/// Extensions that MuJoCo asks for by name, whatever the version.
const REQUIRED: [&str; 2] = ["GL_ARB_framebuffer_object", "GL_ARB_vertex_buffer_object"];
const FLOAT_DEPTH: &str = "GL_ARB_depth_buffer_float";

/// Most errors that are taken from GL's queue; a lost context reports one for ever.
const MAX_ERRORS: usize = 32;

/// Declares a table of GL functions and how it is filled.
macro_rules! functions {
    ($($field:ident: $name:literal, fn($($argument:ty),*) $(-> $result:ty)?;)+) => {
        /// The GL functions that are asked here. They belong to the calling thread's context.
        pub(super) struct Functions {
            $($field: unsafe extern "system" fn($($argument),*) $(-> $result)?,)+
        }

        impl Functions {
            /// Fills the table from EGL's.
            ///
            /// # Errors
            /// The name of a function that is missing.
            pub(super) fn load(find: impl Fn(&str) -> Option<extern "system" fn()>) -> Result<Functions, String> {
                $(
                    let found = find($name).ok_or_else(|| format!("the driver has no {}", $name))?;
                    // SAFETY: this is the type of the function of that name in the OpenGL registry.
                    let $field = unsafe {
                        transmute::<extern "system" fn(), unsafe extern "system" fn($($argument),*) $(-> $result)?>(found)
                    };
                )+
                Ok(Functions { $($field),+ })
            }
        }
    };
}

functions! {
    get_string: "glGetString", fn(u32) -> *const c_char;
    get_integer: "glGetIntegerv", fn(u32, *mut i32);
    get_error: "glGetError", fn() -> u32;
    gen_framebuffers: "glGenFramebuffers", fn(i32, *mut u32);
    delete_framebuffers: "glDeleteFramebuffers", fn(i32, *const u32);
    bind_framebuffer: "glBindFramebuffer", fn(u32, u32);
    framebuffer_status: "glCheckFramebufferStatus", fn(u32) -> u32;
    gen_renderbuffers: "glGenRenderbuffers", fn(i32, *mut u32);
    delete_renderbuffers: "glDeleteRenderbuffers", fn(i32, *const u32);
    bind_renderbuffer: "glBindRenderbuffer", fn(u32, u32);
    renderbuffer_storage: "glRenderbufferStorageMultisample", fn(u32, i32, u32, i32, i32);
    attach_renderbuffer: "glFramebufferRenderbuffer", fn(u32, u32, u32, u32);
    gen_textures: "glGenTextures", fn(i32, *mut u32);
    delete_textures: "glDeleteTextures", fn(i32, *const u32);
    bind_texture: "glBindTexture", fn(u32, u32);
    texture_image: "glTexImage2D", fn(u32, i32, i32, i32, i32, i32, u32, u32, *const c_void);
    attach_texture: "glFramebufferTexture2D", fn(u32, u32, u32, u32, i32);
    draw_buffer: "glDrawBuffer", fn(u32);
    read_buffer: "glReadBuffer", fn(u32);
}

/// What MuJoCo will ask a context for, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    /// Of the buffer that pictures are drawn into.
    pub(super) width: i32,
    pub(super) height: i32,
    /// Samples of each of its pixels; fewer will do.
    pub(super) samples: i32,
    /// The side of the shadow map; 0 for none.
    pub(super) shadow: i32,
    /// The longest side of the flat textures, and of the faces of the others.
    pub(super) texture: i32,
    pub(super) cube: i32,
}

impl Functions {
    /// How the driver of the context names itself.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn driver(&self) -> Result<GlDriver, String> {
        match NAMES.map(|name| self.string(name).map(|words| GlName::of(&words))) {
            [Some(vendor), Some(renderer), Some(driver)] => Ok(GlDriver { vendor, renderer, driver }),
            _ => Err("the context does not name its driver".to_owned()),
        }
    }

    fn string(&self, name: u32) -> Option<String> {
        // SAFETY: the strings end with a zero and live as long as the context, or are null.
        unsafe {
            let words = (self.get_string)(name);
            (!words.is_null()).then(|| CStr::from_ptr(words).to_string_lossy().into_owned())
        }
    }

    fn has(&self, wanted: &str) -> bool {
        self.string(EXTENSIONS).is_some_and(|all| all.split(' ').any(|extension| extension == wanted))
    }

    fn integer(&self, name: u32) -> i32 {
        let mut value = 0;
        // SAFETY: one number is written for each of the names that are asked here.
        unsafe { (self.get_integer)(name, &mut value) };
        value
    }

    /// Takes the first error from GL's queue and forgets the others.
    ///
    /// # Errors
    /// That error.
    pub(super) fn check_errors(&self) -> Result<(), String> {
        // SAFETY: the function takes nothing.
        let errors: Vec<u32> = (0..MAX_ERRORS).map(|_| unsafe { (self.get_error)() }).take_while(|e| *e != 0).collect();
        errors.first().map_or(Ok(()), |error| Err(format!("OpenGL reports error {error:#06x}")))
    }

    /// Checks what MuJoCo checks of any context: version, extensions, the framebuffer without a window.
    ///
    /// # Errors
    /// What is missing.
    pub(super) fn check_versions(&self) -> Result<(), String> {
        let version = self.string(NAMES[2]).unwrap_or_default();
        if !is_at_least_1_5(&version) {
            return Err(format!("OpenGL 1.5 is needed, and the driver has {}", GlName::of(&version)));
        }
        if let Some(missing) = REQUIRED.iter().find(|extension| !self.has(extension)) {
            return Err(format!("the driver has no {missing}"));
        }
        // SAFETY: 0 is the framebuffer of the context itself.
        let status = unsafe {
            (self.bind_framebuffer)(FRAMEBUFFER, 0);
            (self.framebuffer_status)(FRAMEBUFFER)
        };
        match status {
            FRAMEBUFFER_COMPLETE | FRAMEBUFFER_UNDEFINED => self.check_errors(),
            _ => Err(format!("the context's own framebuffer is not complete ({status:#06x})")),
        }
    }

    /// Makes the buffers that MuJoCo will make and gives them back: it ends the process where it cannot have them.
    ///
    /// # Errors
    /// What cannot be had.
    pub(super) fn rehearse(&self, needs: &Needs) -> Result<(), String> {
        let limits = [
            ("pictures", needs.width.max(needs.height), MAX_RENDERBUFFER_SIZE),
            ("shadow maps", needs.shadow, MAX_TEXTURE_SIZE),
            ("textures", needs.texture, MAX_TEXTURE_SIZE),
            ("cube textures", needs.cube, MAX_CUBE_MAP_TEXTURE_SIZE),
        ];
        for (what, side, limit) in limits {
            let limit = self.integer(limit);
            if side > limit {
                return Err(format!("{what} of {side} pixels are needed, and the driver draws up to {limit}"));
            }
        }
        let samples = needs.samples.min(self.integer(MAX_SAMPLES));
        self.check_errors()?;
        self.with_framebuffer("pictures", || self.picture_buffers(needs.width, needs.height, samples))?;
        if samples > 0 {
            self.with_framebuffer("pictures", || self.picture_buffers(needs.width, needs.height, 0))?;
        }
        if needs.shadow > 0 {
            self.with_framebuffer("shadows", || Made {
                renderbuffers: Vec::new(),
                texture: self.shadow_map(needs.shadow),
            })?;
        }
        Ok(())
    }

    /// Checks a framebuffer with what `attach` makes for it, and deletes both.
    fn with_framebuffer(&self, what: &str, attach: impl FnOnce() -> Made) -> Result<(), String> {
        let mut framebuffer = 0;
        // SAFETY: one name is asked for, bound, and deleted with what was attached to it.
        unsafe {
            (self.gen_framebuffers)(1, &mut framebuffer);
            if framebuffer == 0 {
                return Err(format!("the driver has no buffer for {what}"));
            }
            (self.bind_framebuffer)(FRAMEBUFFER, framebuffer);
            let made = attach();
            let status = (self.framebuffer_status)(FRAMEBUFFER);
            (self.bind_framebuffer)(FRAMEBUFFER, 0);
            (self.delete_framebuffers)(1, &framebuffer);
            (self.bind_renderbuffer)(RENDERBUFFER, 0);
            (self.delete_renderbuffers)(made.renderbuffers.len() as i32, made.renderbuffers.as_ptr());
            (self.bind_texture)(TEXTURE_2D, 0);
            (self.delete_textures)(1, &made.texture);
            let errors = self.check_errors();
            match status {
                FRAMEBUFFER_COMPLETE => errors.map_err(|error| format!("the buffer for {what} cannot be had: {error}")),
                _ => Err(format!("the buffer for {what} is not complete ({status:#06x})")),
            }
        }
    }

    /// Colours and depths of pictures, attached to the bound framebuffer.
    fn picture_buffers(&self, width: i32, height: i32, samples: i32) -> Made {
        let depth = if self.has(FLOAT_DEPTH) { DEPTH32F_STENCIL8 } else { DEPTH24_STENCIL8 };
        let mut made = Made { renderbuffers: vec![0; 2], texture: 0 };
        // SAFETY: two names are asked for, bound and given memory.
        unsafe {
            (self.gen_renderbuffers)(2, made.renderbuffers.as_mut_ptr());
            let roles = [(COLOR_ATTACHMENT, RGBA8), (DEPTH_STENCIL_ATTACHMENT, depth)];
            for (buffer, (attachment, format)) in made.renderbuffers.iter().zip(roles) {
                (self.bind_renderbuffer)(RENDERBUFFER, *buffer);
                (self.renderbuffer_storage)(RENDERBUFFER, samples, format, width, height);
                (self.attach_renderbuffer)(FRAMEBUFFER, attachment, RENDERBUFFER, *buffer);
            }
        }
        made
    }

    /// A shadow map, attached to the bound framebuffer.
    fn shadow_map(&self, side: i32) -> u32 {
        let (mut texture, format) = (0, DEPTH24_STENCIL8 as i32);
        // SAFETY: one name is asked for and given memory without contents.
        unsafe {
            (self.gen_textures)(1, &mut texture);
            (self.bind_texture)(TEXTURE_2D, texture);
            let (data, kind) = (ptr::null(), UNSIGNED_INT_24_8);
            (self.texture_image)(TEXTURE_2D, 0, format, side, side, 0, DEPTH_STENCIL, kind, data);
            (self.attach_texture)(FRAMEBUFFER, DEPTH_ATTACHMENT, TEXTURE_2D, texture, 0);
            (self.draw_buffer)(NONE);
            (self.read_buffer)(NONE);
        }
        texture
    }
}

/// What was made for a framebuffer; the names 0 are none.
struct Made {
    renderbuffers: Vec<u32>,
    texture: u32,
}

/// Whether a GL_VERSION such as `4.5 (Compatibility Profile) Mesa 22.3.6` is 1.5 or newer.
fn is_at_least_1_5(version: &str) -> bool {
    let mut numbers = version.split(['.', ' ']).map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= (1, 5),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for good in ["4.5 (Compatibility Profile) Mesa 22.3.6", "1.5", "3.0.0 NVIDIA 550.1", "10.1"] {
            assert!(is_at_least_1_5(good), "{good}");
        }
        for bad in ["1.4 Mesa", "OpenGL ES 3.2", "", "1", "x.5"] {
            assert!(!is_at_least_1_5(bad), "{bad}");
        }
    }
}
