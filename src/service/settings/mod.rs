//! Settings of the appliance: the file's sections, how they are read, and what must hold of them.

mod check;
mod load;
mod sections;

pub use load::{SettingsError, load};
pub use sections::{
    ApiSettings, ChainSettings, ExecutorSettings, LogFormat, LogSettings, SchedulerSettings, Settings, StorageSettings,
    ValidatorSettings,
};
