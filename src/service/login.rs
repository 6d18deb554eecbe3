//! Who sits at the terminal, as the operating system knows.

/// The login of the user whose rights this process has. Variables of the environment, which anybody can set, say nothing.
#[cfg(unix)]
pub fn login() -> Option<String> {
    uzers::get_effective_username()?.into_string().ok()
}

/// Not known how to tell here, so nobody signs at the terminal.
#[cfg(not(unix))]
pub fn login() -> Option<String> {
    None
}
