#pragma once
/// Transformers in numbers: parameters, operations and activations.

#include <chorus/core/errors.hpp>

#include <cstdint>
#include <string>

namespace chorus::traffic {

/// A decoder-only transformer. With experts, every `expert_every`-th layer has `experts` feed-forward blocks of width
/// `expert_ffn`, of which a token visits `top_k` (and `shared_experts`, always).
struct model {
    std::int64_t layers = 1, hidden = 1, heads = 1, kv_heads = 1, ffn = 4, vocabulary = 32000, sequence = 4096;
    std::int64_t ffn_matrices = 3; ///< 3 with a gate (SwiGLU), 2 without
    std::int64_t experts = 0, top_k = 0, shared_experts = 0, expert_ffn = 0, dense_layers = 0;

    std::int64_t expert_layers() const { return experts > 0 ? layers - dense_layers : 0; }
    double attention() const { return static_cast<double>(hidden) * static_cast<double>(hidden) * (2 + 2.0 * static_cast<double>(kv_heads) / static_cast<double>(heads)); }
    double feed_forward(std::int64_t width) const { return static_cast<double>(ffn_matrices * hidden * width); }
    double embeddings() const { return 2.0 * static_cast<double>(vocabulary * hidden); }

    /// Parameters that every rank of a data group has alike: all but the experts.
    double dense_parameters() const {
        auto const moe = static_cast<double>(expert_layers());
        return embeddings() + static_cast<double>(layers) * attention() + static_cast<double>(layers - expert_layers()) * feed_forward(ffn) +
               moe * static_cast<double>(shared_experts) * feed_forward(expert_ffn);
    }
    double expert_parameters() const { return static_cast<double>(expert_layers() * experts) * feed_forward(expert_ffn); }
    double parameters() const { return dense_parameters() + expert_parameters(); }
    /// Those that a token meets.
    double active_parameters() const { return dense_parameters() + static_cast<double>(expert_layers() * top_k) * feed_forward(expert_ffn); }

    /// Floating-point operations of one token, forward and backward: 6 per active parameter (without the embedding table's
    /// look-up) and 6 * sequence * hidden per layer for causal attention. Narayanan et al., SC 2021, without recomputation.
    double training_flops_per_token() const {
        auto const looked_up = static_cast<double>(vocabulary * hidden);
        return 6 * (active_parameters() - looked_up) + 6.0 * static_cast<double>(layers * sequence) * static_cast<double>(hidden);
    }
    /// Keys and values of one token, in elements.
    double kv_elements_per_token() const {
        return 2.0 * static_cast<double>(layers * hidden) * static_cast<double>(kv_heads) / static_cast<double>(heads);
    }
};

} // namespace chorus::traffic
