// Memory that a thread keeps between calls, so that big buffers are not given back to the system and faulted in again.
#pragma once
#include <cstddef>
#include <new>

class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { release(); }

  // At least `count` floats, aligned to a cache line, with whatever they held before.
  float* floats(size_t count) {
    if (count > size_) {
      release();
      data_ = new (std::align_val_t(64)) float[count];
      size_ = count;
    }
    return data_;
  }

 private:
  void release() { ::operator delete[](data_, std::align_val_t(64)), data_ = nullptr, size_ = 0; }
  float* data_ = nullptr;
  size_t size_ = 0;
};
