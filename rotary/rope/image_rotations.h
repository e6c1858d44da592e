// The rotations of published image encoders, by positions of two numbers on a grid of patches.
//
// A head of D channels, one block of D/2 channels for each axis, each with the spectrum
// theta^(-2i / (D/2)), unless said otherwise. What differs is the order of axes and the pairing,
// and a checkpoint works with its own only. Positions: grid_positions.h.
//
//   scheme                      function           theta   axis 0, 1, unit
//   SAM 2, SAM 3 (tracking)     AxialInterleaved   10000   x, y, patches (SAM 3: scaled to a
//   window) Llama 4 vision              AxialInterleaved   10000   x + 1, y + 1; class token 0, 0
//   RoPE-ViT axial              AxialInterleaved   100     x, y, patches (Swin: theta 50)
//   EVA-02 (timm)               AxialInterleaved   10000   y, x, patches of the trained grid
//   Qwen2-VL .. 3.5, GLM-4V     AxialHalf          10000   y, x, patches
//   CroCo, DUSt3R, VGGT         AxialHalfInBlocks  100     y, x, patches (VGGT: + 1)
//   Gemma 4 vision              AxialHalfInBlocks  100     x, y, patches
//   ChatGLM-6B (text)           AxialHalfInBlocks  10000   position, position in the block
//   Pixtral                     Pixtral            10000   y, x, patches
//   MoonViT (Kimi-VL, K2.5)     MoonVit            10000   x, y, patches
//   DINOv3                      Dinov3             -       y, x, 2 (i + 0.5) / n - 1
//   EVA of timm, "pixel"        PixelBands         -       y, x, from -1 to 1
//   RoPE-ViT mixed, Mochi       LearnedRotation    -       x, y patches; t, h, w scaled
//   Falcon-OCR, Perception      FalconOcr          10000   tokens, y, x scaled; text 0, 0
//
// Class tokens and registers, which most of these leave alone, take position 0, 0.
#ifndef ROTARY_ROPE_IMAGE_ROTATIONS_H_
#define ROTARY_ROPE_IMAGE_ROTATIONS_H_

#include <span>
#include <vector>

#include "rotary/rope/rotation.h"

namespace rotary {

// All of them throw std::invalid_argument where head_dim is not a positive multiple of 4, and for a
// theta that is not positive and finite.

// Pairs (2i, 2i + 1): the first half of the pairs turns with axis 0, the second with axis 1.
Rotation AxialInterleaved(int head_dim, double theta);

// Pairs (i, i + D/2): each half of the head holds both axes.
Rotation AxialHalf(int head_dim, double theta);

// Pairs (i, i + D/4) inside each half of the head. For `axes` axes blocks have 2 floor(D / 2 axes)
// channels, the last channels of the head may be left alone; head_dim need not be a multiple of 4.
Rotation AxialHalfInBlocks(int head_dim, double theta, int axes = 2);

// Mistral's Pixtral: one spectrum theta^(-2i / D) over the head, of which y takes the even numbers
// and x the odd ones; first the angles of y, then those of x. kHalf as Hugging Face stores it,
// kInterleaved in Mistral's own files.
Rotation Pixtral(int head_dim, double theta = 10000, Layout layout = Layout::kHalf);

// MoonViT: even pairs x, odd pairs y. kInterleaved in the published files, kHalf once transformers
// has loaded them.
Rotation MoonVit(int head_dim, double theta = 10000, Layout layout = Layout::kInterleaved);

// DINOv3: angles 2 pi position / period, both axes with the same D/4 periods, pairs (i, i + D/2).
//   periods  [head_dim / 4]: of Dinov3Periods, or those that a checkpoint carries
// Periods between a smallest and a largest: GeometricFrequencies (spectra.h).
// Throws std::invalid_argument for another number of periods, or one not positive and finite.
Rotation Dinov3(int head_dim, std::span<const double> periods);
std::vector<double> Dinov3Periods(int head_dim, double base = 100);

// The pixel bands of timm's RotaryEmbeddingCat: pi .. pi max_resolution / 2, by equal steps
// (`linear`) or factors; pairs (2i, 2i + 1), y then x.
Rotation PixelBands(int head_dim, double max_resolution = 224, bool linear = false);

// Frequencies of their own for each head, pair and axis, learned as a rule: pair j of a head turns
// by the product of its row with the position. RoPE-ViT mixed has one such rotation for each layer.
//   frequency  [heads, head_dim / 2, axes]
// Throws std::invalid_argument: another number of frequencies, head_dim odd.
Rotation LearnedRotation(int head_dim, int heads, int axes, std::vector<double> frequency,
                         Layout layout = Layout::kInterleaved);

// Falcon-OCR and Falcon Perception: the first half of the head turns with the number of the token,
// by a plain spectrum of D/2 channels, the second half by frequencies learned for each head
// ("golden" for the directions they start from). Pairs (2i, 2i + 1). An image's tokens all have the
// number of the text token before it.
//   frequency  [heads, head_dim / 4, 2]: radians per unit of y, of x
// Axes: token, y, x. Source: tiiuae/Falcon-Perception, falcon_perception/rope.py.
// Throws std::invalid_argument for another number of frequencies, too.
Rotation FalconOcr(int head_dim, int heads, std::span<const double> frequency,
                   double theta = 10000);

// From where RoPE-ViT mixed (arXiv:2403.13298) starts to learn: of the D/2 pairs of a head, the
// first D/4 point along `direction` [heads] (radians; uniform in [0, 2 pi) in the paper) with
// lengths theta^(-4j / D), the others at right angles to it.
// Returns [heads, head_dim / 2, 2] for LearnedRotation.
std::vector<double> MixedFrequencies(int head_dim, std::span<const double> direction,
                                     double theta = 10);

}  // namespace rotary

#endif  // ROTARY_ROPE_IMAGE_ROTATIONS_H_
