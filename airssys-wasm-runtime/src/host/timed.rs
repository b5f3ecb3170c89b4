//! Functions of the standard interfaces that need no handle and may hand over numbers alone.
//!
//! The engine looks at no clock when they return, and a guest could call them in a row for as long as it likes. All
//! others are seen where they ask for the table of handles, or where the guest makes room for what it is handed.

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::cli::{WasiCliCtxView, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocksCtxView, WasiClocksView};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::cli::{
    environment, terminal_input::TerminalInput, terminal_output::TerminalOutput, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};

use crate::state::HostState;

/// Links them in place of the engine's own.
pub(super) fn look_at_the_time(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    monotonic_clock::add_to_linker::<_, Timed<'static>>(linker, timed)?;
    wall_clock::add_to_linker::<_, Timed<'static>>(linker, timed)?;
    environment::add_to_linker::<_, Timed<'static>>(linker, timed)?;
    terminal_stdin::add_to_linker::<_, Timed<'static>>(linker, timed)?;
    terminal_stdout::add_to_linker::<_, Timed<'static>>(linker, timed)?;
    terminal_stderr::add_to_linker::<_, Timed<'static>>(linker, timed)
}

/// The engine's functions, behind a look at the time.
struct Timed<'a>(&'a mut HostState);

fn timed(state: &mut HostState) -> Timed<'_> {
    Timed(state)
}

impl HasData for Timed<'static> {
    type Data<'a> = Timed<'a>;
}

impl Timed<'_> {
    fn clocks(&mut self) -> wasmtime::Result<WasiClocksCtxView<'_>> {
        self.0.check_time()?;
        Ok(self.0.clocks())
    }

    fn cli(&mut self) -> wasmtime::Result<WasiCliCtxView<'_>> {
        self.0.check_time()?;
        Ok(self.0.cli())
    }
}

impl monotonic_clock::Host for Timed<'_> {
    fn now(&mut self) -> wasmtime::Result<monotonic_clock::Instant> {
        monotonic_clock::Host::now(&mut self.clocks()?)
    }

    fn resolution(&mut self) -> wasmtime::Result<monotonic_clock::Instant> {
        monotonic_clock::Host::resolution(&mut self.clocks()?)
    }

    fn subscribe_instant(
        &mut self,
        when: monotonic_clock::Instant,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        self.clocks()?.subscribe_instant(when)
    }

    fn subscribe_duration(
        &mut self,
        duration: monotonic_clock::Duration,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        self.clocks()?.subscribe_duration(duration)
    }
}

impl wall_clock::Host for Timed<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        wall_clock::Host::now(&mut self.clocks()?)
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        wall_clock::Host::resolution(&mut self.clocks()?)
    }
}

impl environment::Host for Timed<'_> {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.cli()?.get_environment()
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        self.cli()?.get_arguments()
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        self.cli()?.initial_cwd()
    }
}

impl terminal_stdin::Host for Timed<'_> {
    fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<TerminalInput>>> {
        self.cli()?.get_terminal_stdin()
    }
}

impl terminal_stdout::Host for Timed<'_> {
    fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<TerminalOutput>>> {
        self.cli()?.get_terminal_stdout()
    }
}

impl terminal_stderr::Host for Timed<'_> {
    fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<TerminalOutput>>> {
        self.cli()?.get_terminal_stderr()
    }
}
