//! Components that import one function, or two: what the linker holds is seen by whether it takes them.

use anyhow::{Context, Result, bail};
use wasm_encoder::{
    CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, FunctionSection, GlobalSection,
    GlobalType, ImportSection, MemorySection, MemoryType, Module, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;
use wit_parser::abi::{AbiVariant, WasmType};

use crate::rights::surface::Described;

/// What the component exports, and what makes it call.
pub(super) const ATTEMPT: &str = "attempt";

const PACKAGE: &str = "package airssys:lone";

/// A component that imports `function` and calls it when its export [`ATTEMPT`] is called, with `handle` for every
/// number that it takes and empty places for all else. Before that it calls `first`, where there is one, which needs
/// no arguments but numbers and gives a handle of another kind.
pub(super) fn component(
    resolve: &Resolve,
    function: &Described,
    first: Option<&Described>,
    handle: i32,
) -> Result<Vec<u8>> {
    let mut resolve = resolve.clone();
    let mut interfaces = vec![&function.versioned];
    interfaces.extend(first.map(|first| &first.versioned).filter(|first| **first != function.versioned));
    let imports: String = interfaces.iter().map(|interface| format!("import {interface};\n")).collect();
    let text = format!("{PACKAGE};\nworld lone {{\n{imports}export {ATTEMPT}: func();\n}}\n");
    let package = resolve.push_str("lone.wit", &text)?;
    let world = resolve.select_world(&[package], Some("lone"))?;
    let mut module = module(&resolve, function, first, handle)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().module(&module)?.validate(true).encode()
}

fn module(
    resolve: &Resolve,
    function: &Described,
    first: Option<&Described>,
    handle: i32,
) -> Result<Vec<u8>> {
    const PAGE: u64 = 1;
    const HEAP: i32 = 4_096;
    let called: Vec<&Described> = first.into_iter().chain([function]).collect();
    let (mut types, mut imports, mut code) = (TypeSection::new(), ImportSection::new(), CodeSection::new());
    let mut attempt = wasm_encoder::Function::new([]);
    for (number, described) in (0_u32..).zip(&called) {
        let (params, results) = signature(resolve, described)?;
        types.ty().function(params.iter().copied(), results.iter().copied());
        imports.import(&described.versioned, &described.name, EntityType::Function(number));
        let is_last = std::ptr::eq(*described, function);
        let mut instructions = attempt.instructions();
        for param in params {
            let value = if is_last { handle } else { 0 };
            match param {
                ValType::I64 => instructions.i64_const(value.into()),
                ValType::F32 => instructions.f32_const(0.0.into()),
                ValType::F64 => instructions.f64_const(0.0.into()),
                _ => instructions.i32_const(value),
            };
        }
        instructions.call(number);
        for _ in results {
            instructions.drop();
        }
    }
    attempt.instructions().end();
    let count = u32::try_from(called.len())?;
    types.ty().function([], []);
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(count).function(count + 1);
    code.function(&attempt);
    // Whatever the host hands over is put at one place, which nobody reads.
    let mut allocate = wasm_encoder::Function::new([]);
    allocate.instructions().i32_const(HEAP).end();
    code.function(&allocate);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: PAGE,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    // The encoder looks for a stack where a module has imports that return through memory.
    let mut globals = GlobalSection::new();
    let stack = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    globals.global(stack, &ConstExpr::i32_const(HEAP));
    let mut exports = ExportSection::new();
    exports.export(ATTEMPT, ExportKind::Func, count);
    exports.export("cabi_realloc", ExportKind::Func, count + 1);
    exports.export("memory", ExportKind::Memory, 0);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&memories).section(&globals);
    module.section(&exports).section(&code);
    Ok(module.finish())
}

fn signature(resolve: &Resolve, described: &Described) -> Result<(Vec<ValType>, Vec<ValType>)> {
    let Some(function) = &described.signature else { return Ok((vec![ValType::I32], Vec::new())) };
    let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
    let values = |types: &[WasmType]| types.iter().map(value).collect::<Result<Vec<_>>>();
    let of = || format!("the signature of {}", described.full_name());
    Ok((values(&signature.params).with_context(of)?, values(&signature.results).with_context(of)?))
}

fn value(ty: &WasmType) -> Result<ValType> {
    Ok(match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
        #[expect(unreachable_patterns, reason = "the encoder may learn more types")]
        _ => bail!("a type of core code that is not known here"),
    })
}
