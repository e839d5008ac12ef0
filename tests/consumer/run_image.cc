// SPDX-License-Identifier: MIT
#include <tessera/image.h>

#include <print>
#include <vector>

/// run_image IMAGE.tif: writes an image and reads it again.
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::vector<float> pixels = {0, 0.25, 0.5, 0.75, 1, 2};
  const auto image = tessera::Tensor::of<float>({1, 1, 2, 3}, pixels);
  if (auto written = tessera::image::write_image(argv[1], image); !written) {
    std::println("{}", written.error().to_string());
    return 1;
  }
  const auto again = tessera::image::read_image(argv[1]);
  if (!again || again->data<float>()[5] != 2) return 1;
  std::println("{}", again->type_string());
  return 0;
}
