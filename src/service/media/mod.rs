//! Pictures and videos as files: PNG, animated PNG, and H.264 in MP4.

mod animation;
mod error;
mod h264;
mod mp4;
mod still;
mod video;
mod yuv;

pub use error::MediaError;
pub use still::{Contrast, beside, contrast, encode_png, read_png, write_grey_png, write_png};
pub use video::{FrameRate, VideoWriter};
pub use yuv::video_size as size_of_video;
