"""The types of arguments: one table, by argument and, where a class differs, by `Class.argument`.

A range holds what Keras takes; the one behind `~`, where there is one, what makes sense of that.

Source: Keras's constructors and calls, tried by `tests/graph/test_argument_types.py`, and its docstrings.
"""

import re
import types
from collections.abc import Mapping
from inspect import Parameter
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from kexp.spec.types import Within

_TYPES = {
    # ---------------------------------------------------------------- objects
    "@activations | null": "activation recurrent_activation classifier_activation",
    "@layers": "layer",
    "@layers | null": "backward_layer",
    "@layers | list(@layers)": "cell",
    "list(@layers)": "cells layers",
    "@optimizers": "inner_optimizer default_optimizer",
    "@functions": "schedule",
    "@functions | null": """on_epoch_begin on_epoch_end on_train_begin on_train_end on_train_batch_begin
        on_train_batch_end""",
    "decimal~(0,) | @schedules": "learning_rate",
    # ---------------------------------------------------------------- words
    "anycase(valid, same)": "padding",
    "anycase(valid, same, causal)": "Conv1D.padding",
    "word(valid, same)": "STFTSpectrogram.padding",
    "anycase(channels_last, channels_first) | null": "data_format",
    "word(channels_last, channels_first) | null": """AdaptiveAveragePooling1D.data_format
        AdaptiveAveragePooling2D.data_format AdaptiveAveragePooling3D.data_format
        AdaptiveMaxPooling1D.data_format AdaptiveMaxPooling2D.data_format
        AdaptiveMaxPooling3D.data_format""",
    "word(sum, mul, ave, concat) | null": "merge_mode",
    "word(dot, concat)": "score_mode",
    "word(nearest, bilinear)": "interpolation",
    "word(bilinear, nearest, bicubic, lanczos3, lanczos5, area)": "Resizing.interpolation",
    "anycase(nearest, bilinear, bicubic, lanczos3, lanczos5, area)": "UpSampling2D.interpolation",
    "word(reflect, wrap, constant, nearest)": "fill_mode",
    "word(constant)": "Resizing.fill_mode",
    "word(reflect, wrap, constant, nearest, mirror)": "RandomElasticTransform.fill_mode",
    "word(horizontal, vertical, horizontal_and_vertical)": "RandomFlip.mode",
    "word(int, one_hot, multi_hot, count, tf_idf)": "IntegerLookup.output_mode StringLookup.output_mode",
    "word(int, one_hot, multi_hot, count)": "Discretization.output_mode Hashing.output_mode",
    "word(int, multi_hot, count, tf_idf)": "TextVectorization.output_mode",
    "word(multi_hot, one_hot, count)": "CategoryEncoding.output_mode",
    "word(int, one_hot)": "HashedCrossing.output_mode",
    "word(lower_and_strip_punctuation, lower, strip_punctuation) | @functions | null": "standardize",
    "word(whitespace, character) | @functions | null": "split",
    "word(floormod, farmhash)": "oov_method",
    "word(int64)": "vocabulary_dtype",
    "word(log, magnitude, psd, real, imag, angle, stft)": "STFTSpectrogram.mode",
    "word(density, spectrum) | null": "scaling",
    "word(real, imag)": "side",
    "word(hann, hamming) | list(float) | null": "MelSpectrogram.window",
    "text | list(float) | null": "window",
    "word(sum_over_batch_size, sum, mean, mean_with_sample_weight, none) | null": "reduction",
    "anycase(ROC, PR, PRGAIN)": "curve",
    "word(interpolation, minoring, majoring, Interpolation, Minoring, Majoring)": "summation_method",
    "word(micro, macro, weighted) | null": "average",
    "word(uniform_average, variance_weighted_average) | null": "class_aggregation",
    "word(fan_in, fan_out, fan_avg)": "VarianceScaling.mode",
    "anycase(truncated_normal, untruncated_normal, uniform, normal)": "distribution",
    "word(rows, columns)": "OrthogonalRegularizer.mode",
    "word(auto, min, max)": "mode",
    "word(epoch) | int": "save_freq",
    "word(epoch) | int | bool": "BackupAndRestore.save_freq",
    "word(epoch, batch) | int": "update_freq",
    "word(avg, max) | null": "pooling",
    # ---------------------------------------------------------------- text, dtypes, yes or no
    "text | null": "name weights mask_token bias_axes",
    "text": """oov_token encoding equation monitor filepath filename separator backup_dir log_dir root
        path field call_endpoint directory""",
    "dtype | map(any) | null": "dtype reverse_dtype",
    "bool": "trainable autocast unroll zero_output_for_mask",
    "bool | null": "flash_attention",
    "bool | float": "verbose",
    "bool | word(auto)": "use_cudnn",
    # ---------------------------------------------------------------- sizes and counts
    "int[1,)": """units filters num_heads key_dim head_dim num_query_heads num_key_value_heads input_dim
        output_dim n depth_multiplier groups power_iterations num_classes classes num_thresholds height
        width UpSampling1D.size MelSpectrogram.fft_length sequence_stride num_mel_bins""",
    "int[1,) | null": "value_dim sliding_window fft_length num_tokens",
    "int[2,)": "AUC.num_thresholds frame_length",
    "int[2,) | int[0,0] | null": "gradient_accumulation_steps",
    "int[0,)": "RandomCrop.height RandomCrop.width num_oov_indices num_chains num_ops",
    "int[0,) | null": "ema_overwrite_frequency lora_rank output_sequence_length sequence_length top_k",
    "int~[1,)": "CenterCrop.height CenterCrop.width chain_depth bins ns_steps k",
    "int": """Concatenate.axis BatchNormalization.axis SparseCategoricalCrossentropy.axis
        GroupNormalization.groups histogram_freq embeddings_freq""",
    "int | null": "seed class_id num_labels IntegerLookup.mask_token max_to_keep",
    "int[1,) | list(int[1,); {n})": "kernel_size strides dilation_rate pool_size size output_size",
    "int[1,) | list(int[1,); {n}) | null": """AveragePooling1D.strides AveragePooling2D.strides
        AveragePooling3D.strides MaxPooling1D.strides MaxPooling2D.strides MaxPooling3D.strides""",
    "int[0,) | list(int[0,); {n}) | null": "output_padding",
    "int[0,) | list(int[0,); 2)": "Cropping1D.cropping ZeroPadding1D.padding",
    "int[0,) | list(int[0,) | list(int[0,); 2); {n})": """Cropping2D.cropping Cropping3D.cropping
        ZeroPadding2D.padding ZeroPadding3D.padding""",
    "list(int[1,); 2)": "tile_grid_size",
    "list(int[1,) | null) | null": "noise_shape input_shape",
    # ---------------------------------------------------------------- shapes and axes
    "list(int | null)": "target_shape",
    "list(int[1,))": "dims",
    "int | list(int | null)": "output_shape",
    "int | list(int) | null": """axis attention_axes shared_axes input_axes output_axes ngrams
        MultiHeadAttention.output_shape""",
    "int | list(int)": "LayerNormalization.axis UnitNormalization.axis",
    "int | list(int; 2)": "axes",
    "int | list(int; 2) | null": "salt",
    # ---------------------------------------------------------------- counts that may be written `1e4`
    "float(0,)": "decay_steps first_decay_steps VarianceScaling.scale",
    "float~[0,)": """patience cooldown start_from_epoch warmup_steps dynamic_growth_steps margin gamma
        delta max_value min_value initial_scale""",
    "float(1,) | null": "max_tokens",
    "float[1,)": "Hashing.num_bins",
    "float~[1,)": "num_bins max_number",
    "float[0,) | null": "Discretization.num_bins l1 l2 ReLU.max_value",
    "float[1,) | null": "frame_step",
    # ---------------------------------------------------------------- shares, rates and factors
    "float[0,1]": """precision recall sensitivity specificity GaussianNoise.stddev RandomGrayscale.factor
        RandomPerspective.scale""",
    "float[0,1]~[0,1)": "rate GroupQueryAttention.dropout MultiHeadAttention.dropout",
    "float[0,1)": "AlphaDropout.rate GaussianDropout.rate",
    "float(,1]~[0,1)": "Attention.dropout AdditiveAttention.dropout",
    "float~[0,1)": """dropout recurrent_dropout dropout_rate adam_beta_1 adam_beta_2 beta_1 beta_2 rho
        momentum
        AdamW.weight_decay""",
    "float~[0,1]": "BatchNormalization.momentum renorm_momentum MinMaxNorm.rate",
    "float~[0,1) | null": "weight_decay adam_weight_decay label_smoothing",
    "float[0,1]~[0.5,1)": "ema_momentum",
    "float(0,1]~(0,1)": "Lion.beta_1",
    "float(0,1)": "q",
    "decimal[0,1]~[0,1)": "SGD.momentum",
    "decimal(0,1] | null": "F1Score.threshold FBetaScore.threshold",
    "float[0,1] | list(float[0,1]) | null": "thresholds",
    "float(,1)~(0,1)": "ReduceLROnPlateau.factor",
    "decimal[0,)": "OrthogonalRegularizer.factor",
    "decimal(0,)": "FBetaScore.beta",
    "float[0,1] | list(float; 2)": "factor sigma RandomElasticTransform.scale RandomErasing.scale",
    "float[0,1] | list(float; 2) | null": "contrast_factor hue_factor",
    "float[0,1] | list(float[0,1]; 2)": """AugMix.factor RandAugment.factor x_factor y_factor
        addition_factor threshold_factor""",
    "float[-1,1] | list(float; 2)": "RandomColorDegeneration.factor RandomSaturation.factor",
    "float[-1,1] | list(float; 2) | null": """RandomBrightness.factor RandomRotation.factor
        brightness_factor saturation_factor""",
    "float[1,8] | list(float; 2)": "RandomPosterization.factor",
    "float[-1,1] | list(float[-1,1]; 2)": "height_factor width_factor",
    "float(-1,1] | list(float(-1,1]; 2)": "RandomZoom.height_factor",
    "float(-1,1] | list(float(-1,1]; 2) | null": "RandomZoom.width_factor",
    "float[1,) | list(int[1,); 2)": "RandomGaussianBlur.kernel_size",
    # ---------------------------------------------------------------- other numbers
    "float~(0,1]": "epsilon epsilon_1 epsilon_2",
    "float~(0,1] | null": "LayerNormalization.epsilon RMSNormalization.epsilon",
    "float~(0,) | null": "clipnorm clipvalue global_clipnorm loss_scale_factor",
    "float[0,)": """threshold negative_slope l1_regularization_strength l2_regularization_strength
        l2_shrinkage_regularization_strength num_regressors Ftrl.initial_accumulator_value""",
    "float(,0]": "learning_rate_power",
    "decimal": "CosineDecayRestarts.initial_learning_rate",
    "float": """alpha beta beta_2_decay clip_threshold clip_limit decay_rate initial_learning_rate
        end_learning_rate power t_mul m_mul gain mean stddev minval maxval value mask_value fill_value
        sampling_rate min_freq mag_exp top_db min_power ref_power min_delta min_lr muon_a muon_b muon_c
        adam_lr_ratio initial_accumulator_value BinaryAccuracy.threshold BinaryIoU.threshold""",
    "float | null": """lora_alpha logit_soft_cap max_freq rms_rate ignore_class warmup_target baseline
        initial_value_threshold""",
    "float | list(any)": "Constant.value",
    "float | list(any) | null": "Normalization.mean variance",
    "float | list(float)": "scale offset CategoricalFocalCrossentropy.alpha MixUp.alpha",
    "float | list(float) | null": "RandomErasing.fill_value",
    # ---------------------------------------------------------------- lists and maps
    "list(float; 2)": "value_range",
    "list(float; 2..)": """RandomContrast.value_range RandomElasticTransform.value_range
        RandomErasing.value_range RandomGaussianBlur.value_range RandomInvert.value_range
       """,
    "list(float)": "boundaries values",
    "list(float) | null": "AUC.thresholds label_weights idf_weights bin_boundaries",
    "list(int)": "target_class_ids",
    "list(text) | null": "exclude_layers",
    "list(any) | text | null": "vocabulary",
    "map(float) | null": "renorm_clipping",
    "map(any) | null": "headers",
    # ---------------------------------------------------------------- what only Keras can judge
    "any": """Embedding.weights ReversibleEmbedding.weights Bidirectional.weights Hashing.mask_value
        IntegerLookup.oov_token Lambda.output_shape TorchModuleWrapper.output_shape""",
}
_NAMED = {argument: text for text, arguments in _TYPES.items() for argument in arguments.split()}
_BY_PATTERN = (
    (re.compile(r".*_initializer\Z"), "@initializers | null"),
    (re.compile(r".*_regularizer\Z"), "@regularizers | null"),
    (re.compile(r".*_constraint\Z"), "@constraints | null"),
)


def takes(owner: str, parameter: Parameter) -> str:
    """Return the type of a parameter of the class `owner`, as the catalogue writes it."""
    name = parameter.name
    found = _NAMED.get(f"{owner}.{name}")
    if found is None and isinstance(parameter.default, bool):
        found = "bool"
    found = found or _NAMED.get(name)
    found = found or next((text for pattern, text in _BY_PATTERN if pattern.match(name)), "any")
    rank = re.search(r"([123])D(?:Transpose)?\Z", owner)
    return found.replace("{n}", rank[1]) if rank else found


# ---------------------------------------------------------------- by annotation


_SCALARS = {str: "text", int: "int", float: "float", bool: "bool", types.NoneType: "null"}


def written(annotation: Any) -> str:
    """Return the type that an annotation of our own says, as the catalogue writes it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return f"{written(arguments[0])}{_range(arguments[1])}"
    if origin in (Union, types.UnionType):
        return " | ".join(written(argument) for argument in arguments)
    if origin is Literal:
        return f"word({', '.join(arguments)})"
    if origin is tuple:
        length = "" if arguments[-1] is Ellipsis else f"; {len(arguments)}"
        return f"list({written(arguments[0])}{length})"
    if origin is not None and issubclass(origin, Mapping):
        return f"map({written(arguments[1])})"
    return _SCALARS.get(annotation, "any")


def _range(bounds: Within) -> str:
    most = ")" if bounds.most is None else f"{bounds.most}]"
    return f"{'(' if bounds.exclusive else '['}{bounds.least},{most}"
