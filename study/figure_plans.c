/* Figures that are runs of a sweep. SPDX-License-Identifier: Apache-2.0 */
#include "study/figure_list.h"

/* The scale "small": a quarter of the channels, about an eighth of the iterations. */
#define SMALL "\"channels\": 32, \"skip_channels\": 8, \"iterations\": 600"
#define SMALL_BAR "{\"kind\": \"motion\", \"length\": 7, \"angle\": 30, \"name\": \"bar\"}"
#define SMALL_SHAKE "{\"kind\": \"random-motion\", \"length\": 11, \"seed\": 3, \"name\": \"shake\"}"
#define SMALL_DISK "{\"kind\": \"disk\", \"radius\": 2.5, \"name\": \"disk\"}"
#define FULL_BAR "{\"kind\": \"motion\", \"length\": 13, \"angle\": 30, \"name\": \"bar\"}"
#define FULL_SHAKE "{\"kind\": \"random-motion\", \"length\": 23, \"seed\": 3, \"name\": \"shake\"}"
#define FULL_DISK "{\"kind\": \"disk\", \"radius\": 5, \"name\": \"disk\"}"

const figure_plan figure_psf_rate = {
    .small = {"[\"simplersdb\"]", "[" SMALL_BAR "]", SMALL ", \"lr_psf\": [0.0001, 0.001, 0.003, 0.01, 0.03, 0.1]"},
    .full = {"[\"simplersdb\"]", "[" FULL_BAR "]", "\"lr_psf\": [0.0001, 0.001, 0.003, 0.01, 0.03, 0.1]"},
    .field = "lr_psf",
    .axis = "log10 of the learning rate of the PSF"};

const figure_plan figure_beta1 = {
    .small = {"[\"simplersdb\"]", "[" SMALL_BAR "]", SMALL ", \"beta1_image\": [0, 0.5, 0.8, 0.9, 0.95, 0.99]"},
    .full = {"[\"simplersdb\"]", "[" FULL_BAR "]", "\"beta1_image\": [0, 0.5, 0.8, 0.9, 0.95, 0.99]"},
    .field = "beta1_image",
    .axis = "log10 of 1 - beta1 of the picture's network",
    .reversed = 1};

const figure_plan figure_tv = {
    .small = {"[\"simplersdb\"]", "[" SMALL_BAR "]", SMALL ", \"tv\": [0.00001, 0.0001, 0.001, 0.003, 0.01, 0.1]"},
    .full = {"[\"simplersdb\"]", "[" FULL_BAR "]", "\"tv\": [0.00001, 0.0001, 0.001, 0.003, 0.01, 0.1]"},
    .field = "tv",
    .axis = "log10 of the weight of total variation"};

const figure_plan figure_ssim_switch = {
    .small = {"[\"selfdeblur\", \"simplersdb\"]", "[" SMALL_BAR "]",
              SMALL ", \"loss\": [\"mse\", \"mse:0.4,ssim\", \"mse:0.2,ssim\", \"ssim\"]"},
    .full = {"[\"selfdeblur\", \"simplersdb\"]", "[" FULL_BAR "]",
             "\"loss\": [\"mse\", \"mse:0.4,ssim\", \"mse:0.2,ssim\", \"ssim\"]"},
};

const figure_plan figure_pretraining = {
    .small = {"[\"simplersdb\", {\"recipe\": \"simplersdb\", \"fields\": {\"pretrain\": 60}}, {\"recipe\": "
              "\"simplersdb\", \"fields\": {\"pretrain\": 60, \"pretrain_target\": \"truth\"}}]",
              "[" SMALL_BAR ", " SMALL_SHAKE "]", SMALL},
    .full = {"[\"simplersdb\", {\"recipe\": \"simplersdb\", \"fields\": {\"pretrain\": 500}}, {\"recipe\": "
             "\"simplersdb\", \"fields\": {\"pretrain\": 500, \"pretrain_target\": \"truth\"}}]",
             "[" FULL_BAR ", " FULL_SHAKE "]", ""},
};

const figure_plan figure_comparison = {
    .small = {"[\"selfdeblur\", \"simplersdb\", {\"recipe\": \"vdip-sparse\", \"fields\": {\"pretrain\": 60}}, "
              "\"vdip-extreme\"]",
              "[" SMALL_BAR "]", SMALL},
    .full = {"[\"selfdeblur\", \"simplersdb\", \"vdip-sparse\", \"vdip-extreme\"]", "[" FULL_BAR "]", ""},
};

const figure_plan figure_scatter_kodak = {
    .small = {"[\"selfdeblur\", \"simplersdb\", \"simplersdb-0.99\", {\"recipe\": \"vdip-sparse\", \"fields\": "
              "{\"pretrain\": 60}}, \"vdip-extreme\", \"wdip\", \"deblur-inr\", \"fast\"]",
              "[" SMALL_BAR ", " SMALL_SHAKE ", " SMALL_DISK "]", SMALL},
    .full = {"[\"selfdeblur\", \"simplersdb\", \"simplersdb-0.99\", \"vdip-sparse\", \"vdip-extreme\", \"wdip\", "
             "\"deblur-inr\", \"fast\"]",
             "[" FULL_BAR ", " FULL_SHAKE ", " FULL_DISK "]", ""},
};
