// The extension module: one per instruction set, named by CORE_NAME.
#include <string>

#include "arrays.h"

#define EXPAND(name) name
#define MODULE(name, variable) NB_MODULE(name, variable)

void register_hash_encode(nb::module_&);
void register_radiance(nb::module_&);
void register_mlp(nb::module_&);
void register_march(nb::module_&);
void register_composite(nb::module_&);
void register_distortion(nb::module_&);
void register_rasterize(nb::module_&);
void register_gaussians(nb::module_&);
void register_sparse_adam(nb::module_&);
void register_points(nb::module_&);
void register_planes(nb::module_&);
void register_lines(nb::module_&);
void register_trilinear(nb::module_&);
void register_nearest(nb::module_&);
void register_skinning(nb::module_&);
void register_rbf(nb::module_&);
void register_hash_encode_2d(nb::module_&);

namespace {

// Which builds this processor can run; asked of the portable module only.
bool supports(const char* name) {
  const std::string wanted(name);
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (wanted == "avx512")
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
  if (wanted == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#endif
  return wanted == "portable";
}

}  // namespace

MODULE(CORE_NAME, m) {
  m.def("supports", &supports, nb::arg("name"));
  register_hash_encode(m);
  register_radiance(m);
  register_mlp(m);
  register_march(m);
  register_composite(m);
  register_distortion(m);
  register_rasterize(m);
  register_gaussians(m);
  register_sparse_adam(m);
  register_points(m);
  register_planes(m);
  register_lines(m);
  register_trilinear(m);
  register_nearest(m);
  register_skinning(m);
  register_rbf(m);
  register_hash_encode_2d(m);
}
