// How tensors cross from Python: C-contiguous CPU arrays, passed as DLPack, no copies.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>

namespace nb = nanobind;

template <typename T, int N>
using In = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <typename T, int N>
using Out = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

template <int N> using F32 = In<float, N>;
template <int N> using I32 = In<int32_t, N>;
template <int N> using I64 = In<int64_t, N>;
template <int N> using U8 = In<uint8_t, N>;
template <int N> using F32Out = Out<float, N>;
template <int N> using I32Out = Out<int32_t, N>;
template <int N> using I64Out = Out<int64_t, N>;
