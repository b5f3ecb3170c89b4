//! Typed calls: any exported function by its name.

use wasmtime::component::Val;

use airssys_wasm_core::{CallError, EncodedValues, ValueFormat};

use super::{Completed, ComponentInstance, Live};
use crate::bounds::MAX_TYPED_VALUE_BYTES;
use crate::failure::CallFailure;
use crate::store::hostcall_allowance;
use crate::typed::{Function, find, read_arguments, write_result};

impl ComponentInstance {
    /// Calls an exported function: `interface#function`, or the function's name alone where only one is meant.
    /// The call has the budget of a message. The result is written in the form `result`; `docs/typed-calls.md` tells
    /// what each form looks like for each type.
    ///
    /// The interfaces of `airssys:core` are the host's own to call.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] when the call ended the instance; it cannot be called again. A [`CallError`] is a result
    /// like any other: the function was not called, or its result cannot be handed over, and the instance goes
    /// on.
    pub async fn invoke(
        &mut self,
        function: &str,
        arguments: &EncodedValues,
        result: ValueFormat,
    ) -> Result<Completed<Result<EncodedValues, CallError>>, CallFailure> {
        let mut live = self.enter(self.budget)?;
        let (function, values) = match self.prepare(function, arguments) {
            Ok(prepared) => prepared,
            Err(error) => {
                // What it took to refuse the arguments was the host's time, and no call ran past its own.
                live.store.data_mut().clock_mut().begin(self.budget.timeout);
                return self.conclude(live, Ok(Ok(Err(error))), self.budget).await;
            }
        };
        let done = self.call(live, &function, &values).await?;
        let written = write_result(&function.signature, done.value.first(), result);
        Ok(Completed { value: written, fuel: done.fuel, time: done.time })
    }

    fn prepare(&self, function: &str, arguments: &EncodedValues) -> Result<(Function, Vec<Val>), CallError> {
        let function = find(self.component.component(), function)?;
        let values = read_arguments(&function.signature, arguments)?;
        Ok((function, values))
    }

    async fn call(
        &mut self,
        mut live: Live,
        function: &Function,
        values: &[Val],
    ) -> Result<Completed<Vec<Val>>, CallFailure> {
        let Live { store, instance, .. } = &mut live;
        let usual = hostcall_allowance(store.data().limits());
        // The guest's time begins with the guest: reading arguments was the host's.
        store.data_mut().clock_mut().begin(self.budget.timeout);
        // Values take more room in the host than the guest's own bytes that they are made of.
        store.set_hostcall_fuel(usual.max(MAX_TYPED_VALUE_BYTES));
        let mut results = vec![Val::Bool(false); function.signature.results()];
        let outcome = match instance.get_func(&mut *store, function.index) {
            Some(exported) => {
                let call = exported.call_async(&mut *store, values, &mut results);
                self.enforcement.within(call, self.budget.timeout, &self.switch).await
            }
            // A component's instance has the exports of the component.
            None => Ok(Err(wasmtime::Error::msg("the function is gone"))),
        };
        store.set_hostcall_fuel(usual);
        self.conclude(live, outcome.map(|outcome| outcome.map(|()| results)), self.budget).await
    }
}
