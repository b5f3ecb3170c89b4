//! Exports functions of all types of values, most of which give back what they were given. It has no
//! `handler`: typed calls do without.

use std::cell::Cell;

use exports::test::typed::alpha::Guest as Alpha;
use exports::test::typed::beta::Guest as Beta;
use exports::test::typed::counters::{Counter as CounterHandle, Guest as Counters, GuestCounter};
use exports::test::typed::shapes::{
    Colour, Guest as Shapes, Maybe, Nested, Order, Outcome, Permissions, Point, Shape, Wide,
};
use host_buffers as _;

wit_bindgen::generate!({
    inline: "
        package test:typed@1.2.0;

        interface shapes {
            record point { x: s32, y: s32 }
            enum colour { red, green, blue, none }
            flags permissions { read, write, execute, delete, copy, share, keep, audit, grant }
            variant shape { circle(f64), square(u32), path(list<point>), empty }
            record item { name: string, count: u8, price: f32 }
            record order { id: u64, items: list<item>, note: option<string>, colour: colour }
            record maybe { inner: option<option<u8>>, checked: option<result<u8>> }
            record wide { least: s64, most: u64, letters: list<char>, raw: list<u8> }
            type nested = list<list<tuple<u8, string>>>;
            type outcome = result<order, string>;

            echo-bool: func(value: bool) -> bool;
            echo-s8: func(value: s8) -> s8;
            echo-u8: func(value: u8) -> u8;
            echo-s16: func(value: s16) -> s16;
            echo-u16: func(value: u16) -> u16;
            echo-s32: func(value: s32) -> s32;
            echo-u32: func(value: u32) -> u32;
            echo-s64: func(value: s64) -> s64;
            echo-u64: func(value: u64) -> u64;
            echo-f32: func(value: f32) -> f32;
            echo-f64: func(value: f64) -> f64;
            echo-char: func(value: char) -> char;
            echo-string: func(value: string) -> string;
            echo-bytes: func(value: list<u8>) -> list<u8>;
            echo-nested: func(value: nested) -> nested;
            echo-point: func(value: point) -> point;
            echo-tuple: func(value: tuple<bool, string, u16>) -> tuple<bool, string, u16>;
            echo-shape: func(value: shape) -> shape;
            echo-colour: func(value: colour) -> colour;
            echo-option: func(value: option<u32>) -> option<u32>;
            echo-maybe: func(value: maybe) -> maybe;
            echo-outcome: func(value: outcome) -> outcome;
            echo-plain-result: func(value: result) -> result;
            echo-permissions: func(value: permissions) -> permissions;
            echo-order: func(value: order) -> order;
            echo-wide: func(value: wide) -> wide;
        }

        interface counters {
            resource counter {
                constructor(start: u32);
                next: func() -> u32;
            }
            total: func(counters: list<borrow<counter>>) -> u32;
            make: func() -> counter;
        }

        interface alpha { same: func() -> string; only-alpha: func() -> string; }
        interface beta { same: func() -> string; }

        world typed {
            export shapes;
            export counters;
            export alpha;
            export beta;
            export add: func(left: u32, right: u32) -> u32;
            export greet: func(name: string, greeting: option<string>) -> string;
            export remember: func(value: u32);
            export remembered: func() -> u32;
            export repeat: func(text: string, times: u32) -> string;
            export give-up: func();
        }
    ",
    world: "test:typed/typed",
});

thread_local! {
    static REMEMBERED: Cell<u32> = const { Cell::new(0) };
}

struct Component;

macro_rules! echoes {
    ($($name:ident: $ty:ty,)*) => {
        impl Shapes for Component {
            $(fn $name(value: $ty) -> $ty {
                value
            })*
        }
    };
}

echoes! {
    echo_bool: bool,
    echo_s8: i8,
    echo_u8: u8,
    echo_s16: i16,
    echo_u16: u16,
    echo_s32: i32,
    echo_u32: u32,
    echo_s64: i64,
    echo_u64: u64,
    echo_f32: f32,
    echo_f64: f64,
    echo_char: char,
    echo_string: String,
    echo_bytes: Vec<u8>,
    echo_nested: Nested,
    echo_point: Point,
    echo_tuple: (bool, String, u16),
    echo_shape: Shape,
    echo_colour: Colour,
    echo_option: Option<u32>,
    echo_maybe: Maybe,
    echo_outcome: Outcome,
    echo_plain_result: Result<(), ()>,
    echo_permissions: Permissions,
    echo_order: Order,
    echo_wide: Wide,
}

struct Counter(Cell<u32>);

impl GuestCounter for Counter {
    fn new(start: u32) -> Self {
        Self(Cell::new(start))
    }

    fn next(&self) -> u32 {
        self.0.set(self.0.get().wrapping_add(1));
        self.0.get()
    }
}

impl Counters for Component {
    type Counter = Counter;

    fn total(counters: Vec<exports::test::typed::counters::CounterBorrow<'_>>) -> u32 {
        counters.iter().map(|counter| counter.get::<Counter>().0.get()).sum()
    }

    fn make() -> CounterHandle {
        CounterHandle::new(Counter(Cell::new(0)))
    }
}

impl Alpha for Component {
    fn same() -> String {
        "alpha".into()
    }

    fn only_alpha() -> String {
        "alpha alone".into()
    }
}

impl Beta for Component {
    fn same() -> String {
        "beta".into()
    }
}

impl Guest for Component {
    fn add(left: u32, right: u32) -> u32 {
        left.wrapping_add(right)
    }

    fn greet(name: String, greeting: Option<String>) -> String {
        format!("{}, {name}", greeting.as_deref().unwrap_or("hello"))
    }

    fn remember(value: u32) {
        REMEMBERED.set(value);
    }

    fn remembered() -> u32 {
        REMEMBERED.get()
    }

    fn repeat(text: String, times: u32) -> String {
        text.repeat(times as usize)
    }

    fn give_up() {
        std::process::abort();
    }
}

export!(Component);
