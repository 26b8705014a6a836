package dev.darkroom.weights;

/**
 * The modules of a text encoder as OpenCLIP and as transformers spell them. OpenCLIP keeps query, key and value of a layer in one tensor
 * {@code attn.in_proj_weight}, which {@link OriginalWeights} cuts and {@link OriginalNames} joins.
 */
final class OpenClipNames {
    private OpenClipNames() {}

    /** The names for an encoder of this many layers; the fused projections are listed as {@code self_attn.in_proj_…}. */
    static ModuleNames of(int layers) {
        ModuleNames names = new ModuleNames();
        names.pair("token_embedding", "text_model.embeddings.token_embedding");
        names.pair("positional_embedding", "text_model.embeddings.position_embedding.weight");
        names.pair("ln_final", "text_model.final_layer_norm");
        names.pair("text_projection", "text_projection.weight");
        for (int i = 0; i < layers; i++) {
            String original = "transformer.resblocks." + i;
            String layer = "text_model.encoder.layers." + i;
            names.pair(original + ".ln_1", layer + ".layer_norm1");
            names.pair(original + ".ln_2", layer + ".layer_norm2");
            names.pair(original + ".attn", layer + ".self_attn");
            names.pair(original + ".mlp.c_fc", layer + ".mlp.fc1");
            names.pair(original + ".mlp.c_proj", layer + ".mlp.fc2");
        }
        return names;
    }
}
