"""`Vector`: a few numbers in one register, as a type that Numba kernels load, compute with and store.

Numba's own vectoriser cannot be trusted with short inner loops over samples; here a kernel says what it wants. LLVM lowers
the generic vectors to whatever the machine has (AVX-512, AVX2, NEON).
"""

import operator

import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.core.datamodel import PrimitiveModel, register_default
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin

_FLAGS = ("contract", "reassoc", "nsz")


class VectorType(types.Type):
    """As many floats of one type as a register holds."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype})")


@register_default(VectorType)
class _VectorModel(PrimitiveModel):
    def __init__(self, manager, vector):  # type: ignore[no-untyped-def]
        super().__init__(manager, vector, _llvm(vector.dtype))


def lanes_of(dtype: type[np.floating] | np.dtype) -> int:
    """Return how many floats a `Vector` holds on this machine: 64 bytes with AVX-512, otherwise 32."""
    size = 64 if binding.get_host_cpu_features().get("avx512f") else 32
    return size // np.dtype(dtype).itemsize


def _llvm(dtype):  # type: ignore[no-untyped-def]
    element = ir.FloatType() if dtype == types.float32 else ir.DoubleType()
    return ir.VectorType(element, lanes_of(np.float32 if dtype == types.float32 else np.float64))


def _pointer(context, builder, array_type, array, row):  # type: ignore[no-untyped-def]
    vector = _llvm(array_type.dtype)
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(builder.bitcast(data, vector.as_pointer()), [row])


def _size(array_type):  # type: ignore[no-untyped-def]
    return array_type.dtype.bitwidth // 8


def _in_every_lane(builder, vector, element):  # type: ignore[no-untyped-def]
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, element, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))


@intrinsic
def load(_typing_context, array, row):  # type: ignore[no-untyped-def]
    """Return vector number `row` of a contiguous array."""

    def generate(context, builder, sig, arguments):  # type: ignore[no-untyped-def]
        pointer = _pointer(context, builder, sig.args[0], *arguments)
        return builder.load(pointer, align=_size(sig.args[0]))

    return VectorType(array.dtype)(array, types.int64), generate


@intrinsic
def store(_typing_context, array, row, vector):  # type: ignore[no-untyped-def]
    """Write vector number `row` of a contiguous array."""

    def generate(context, builder, sig, arguments):  # type: ignore[no-untyped-def]
        pointer = _pointer(context, builder, sig.args[0], *arguments[:2])
        builder.store(arguments[2], pointer, align=_size(sig.args[0]))
        return context.get_dummy_value()

    return types.void(array, types.int64, vector), generate


@intrinsic
def splat(_typing_context, array, place):  # type: ignore[no-untyped-def]
    """Return one entry of a contiguous array in every lane."""

    def generate(context, builder, sig, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(sig.args[0])(context, builder, arguments[0]).data
        return _in_every_lane(builder, _llvm(sig.args[0].dtype), builder.load(builder.gep(data, [arguments[1]])))

    return VectorType(array.dtype)(array, types.int64), generate


@intrinsic
def full(_typing_context, array, value):  # type: ignore[no-untyped-def]
    """Return a number in every lane, as a vector of the array's type."""

    def generate(context, builder, sig, arguments):  # type: ignore[no-untyped-def]
        element = context.cast(builder, arguments[1], sig.args[1], sig.args[0].dtype)
        return _in_every_lane(builder, _llvm(sig.args[0].dtype), element)

    return VectorType(array.dtype)(array, value), generate


@intrinsic
def total(_typing_context, vector):  # type: ignore[no-untyped-def]
    """Return the sum over lanes."""

    def generate(_context, builder, sig, arguments):  # type: ignore[no-untyped-def]
        llvm = _llvm(sig.args[0].dtype)
        name = f"llvm.vector.reduce.fadd.v{llvm.count}f{sig.args[0].dtype.bitwidth}"
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(llvm.element, [llvm.element, llvm]), name
        )
        return builder.call(function, [ir.Constant(llvm.element, 0.0), arguments[0]], fastmath=_FLAGS)

    return vector.dtype(vector), generate


def _arithmetic(function, instruction):  # type: ignore[no-untyped-def]
    @infer_global(function)
    class _Typing(AbstractTemplate):
        def generic(self, args, kws):  # type: ignore[no-untyped-def]
            if len(args) == 2 and isinstance(args[0], VectorType) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(function, VectorType, VectorType)
    def _lower(_context, builder, _sig, args):  # type: ignore[no-untyped-def]
        return getattr(builder, instruction)(*args, flags=_FLAGS)


_arithmetic(operator.add, "fadd")
_arithmetic(operator.sub, "fsub")
_arithmetic(operator.mul, "fmul")
