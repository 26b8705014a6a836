package dev.darkroom.weights;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the small JSON files of model folders. */
final class Json {
    /** The longest of these files are shard indices of some 200 KiB. */
    private static final long MAX_BYTES = 16 << 20;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Json() {}

    /**
     * The JSON object in {@code file}.
     *
     * @throws WeightsException when it cannot be read, or holds anything else
     */
    static JsonNode readObject(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new WeightsException(file + " has " + Files.size(file)
                        + " bytes, too many for a JSON file of a model folder;" + " download it again");
            }
            JsonNode node = MAPPER.readTree(Files.readAllBytes(file));
            if (node == null || !node.isObject()) {
                throw new WeightsException(file + " is not a JSON object; download it again");
            }
            return node;
        } catch (JsonProcessingException e) {
            JsonLocation at = e.getLocation();
            String place = at == null ? "" : " at line " + at.getLineNr();
            throw new WeightsException(
                    file + " is not valid JSON" + place + ": " + e.getOriginalMessage() + "; download it again", e);
        } catch (IOException e) {
            throw new WeightsException(file + " cannot be read: " + e, e);
        }
    }
}
