//! Memory straight from the kernel, for what is large and soon given back: by way of malloc it leaves holes of its size
//! between the small things that stay.

use std::ffi::{c_int, c_long, c_void};
use std::ptr::{self, NonNull};

use crate::sim::error::SimError;

// mman.h on x86-64 Linux.
const PROT_READ: c_int = 1;
const PROT_WRITE: c_int = 2;
const MAP_PRIVATE: c_int = 2;
const MAP_ANONYMOUS: c_int = 0x20;

unsafe extern "C" {
    fn mmap(at: *mut c_void, len: usize, prot: c_int, flags: c_int, file: c_int, offset: c_long) -> *mut c_void;
    fn munmap(start: *mut c_void, len: usize) -> c_int;
    #[cfg(target_env = "gnu")]
    fn malloc_trim(pad: usize) -> c_int;
    #[cfg(target_env = "gnu")]
    fn mallopt(parameter: c_int, value: c_int) -> c_int;
}

/// Lets all threads that start from now on share two heaps of malloc's. By default each thread has its own, and what one left
/// free in its own serves no other.
pub(crate) fn share_heaps() {
    // SAFETY: malloc's settings are behind its own locks.
    #[cfg(target_env = "gnu")]
    unsafe {
        // M_ARENA_MAX, malloc.h.
        mallopt(-8, 2);
    }
}

/// Gives to the kernel what malloc holds and nobody uses. Compiling a model leaves some 50 MB of it, in pieces all over.
pub(super) fn give_back_free_memory() {
    // SAFETY: only memory that nobody holds is given back.
    #[cfg(target_env = "gnu")]
    unsafe {
        malloc_trim(0);
    }
}

/// Whole pages of zeros. What is never touched takes no memory.
pub(super) struct Pages {
    start: NonNull<c_void>,
    len: usize,
}

impl Pages {
    /// Asks the kernel for `len` bytes or a little more.
    ///
    /// # Errors
    /// [`SimError::OutOfMemory`].
    pub(super) fn zeroed(len: usize) -> Result<Pages, SimError> {
        // The kernel refuses to map nothing.
        let len = len.max(1);
        // SAFETY: a new mapping anywhere touches nothing that there is.
        let start = unsafe { mmap(ptr::null_mut(), len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
        // MAP_FAILED is -1.
        let start = NonNull::new(start).filter(|start| start.as_ptr().addr() != usize::MAX);
        Ok(Pages { start: start.ok_or(SimError::OutOfMemory)?, len })
    }

    /// Where they begin; pages are aligned for any number.
    pub(super) fn start<T>(&self) -> *mut T {
        self.start.as_ptr().cast()
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped by `zeroed`, unmapped once.
        unsafe { munmap(self.start.as_ptr(), self.len) };
    }
}
