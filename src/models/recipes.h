// SPDX-License-Identifier: MIT
#pragma once

#include "tessera/graph_builder.h"

/// How each named model goes on from its input x. All return the output.
namespace tessera::models {

GraphValue edge(GraphBuilder& net, GraphValue x);
GraphValue edsr(GraphBuilder& net, GraphValue x);
GraphValue unet(GraphBuilder& net, GraphValue x);
GraphValue resnet18(GraphBuilder& net, GraphValue x, std::int64_t num_classes);
GraphValue resnet50(GraphBuilder& net, GraphValue x, std::int64_t num_classes);
GraphValue mobilenet_v2(GraphBuilder& net, GraphValue x, std::int64_t num_classes);
GraphValue mobilenet_v3_small(GraphBuilder& net, GraphValue x, std::int64_t num_classes);
GraphValue mobilenet_v3_large(GraphBuilder& net, GraphValue x, std::int64_t num_classes);
GraphValue deeplab_v3(GraphBuilder& net, GraphValue x, std::int64_t num_classes);

/// The layers of MobileNetV3 large in front of its classifier, named PREFIX0.0, PREFIX1.block.0.0
/// and so on. `is_dilated`: the last three blocks keep the resolution and are dilated instead, as
/// segmentation wants it.
GraphValue mobilenet_v3_large_features(GraphBuilder& net, GraphValue x, const std::string& prefix,
                                       bool is_dilated);

}  // namespace tessera::models
